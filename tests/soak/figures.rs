//! What is made of many measurements.

/// A straight line through points, by least squares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line {
    pub(crate) slope: f64,
    /// The standard error of the slope, as if the points knew nothing of each other.
    pub(crate) error: f64,
}

impl Line {
    /// `None` of fewer than three points, or of points above each other.
    pub(crate) fn through(points: &[(f64, f64)]) -> Option<Self> {
        let count = f64::from(u32::try_from(points.len()).ok().filter(|count| *count > 2)?);
        let mean = |value: fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / count;
        let (mid_x, mid_y) = (mean(|point| point.0), mean(|point| point.1));
        let spread: f64 = points.iter().map(|(x, _)| (x - mid_x).powi(2)).sum();
        let slope = points.iter().map(|(x, y)| (x - mid_x) * (y - mid_y)).sum::<f64>() / spread;
        let rest: f64 = points.iter().map(|(x, y)| (y - mid_y - slope * (x - mid_x)).powi(2)).sum();
        slope.is_finite().then(|| Self { slope, error: (rest / (count - 2.0) / spread).sqrt() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_through_points() {
        let line = |points: &[(f64, f64)]| Line::through(points);
        assert_eq!(line(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]), Some(Line { slope: 2.0, error: 0.0 }));
        // By hand: means 1 and 5/3, slope 1/2, residuals 1/3, -2/3 and 1/3 on either side of the middle.
        let bent = line(&[(0.0, 1.5), (1.0, 1.0), (2.0, 2.5)]).unwrap();
        assert!((bent.slope - 0.5).abs() < 1e-12 && (bent.error - (1.0_f64 / 3.0).sqrt()).abs() < 1e-12, "{bent:?}");
        assert_eq!(line(&[(0.0, 1.0), (1.0, 3.0)]), None);
        assert_eq!(line(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
    }
}
