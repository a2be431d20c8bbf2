//! What a bench came to. The printed tables, the report and its plots are all made of this.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one bench came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// What took part and is not named in the lock file, with its version: servers, interpreters, their packages.
    pub software: BTreeMap<String, String>,
    /// In the order in which they ran.
    pub parts: Vec<Part>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Part {
    /// Contenders, round by round.
    Contest(Outcome),
    /// What was counted, not raced.
    Tally(Tally),
}

/// What a contest came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// What the contenders do.
    pub title: String,
    /// Of the medians.
    pub unit: Unit,
    /// How often each contender ran.
    pub rounds: usize,
    /// A line for each contender over the first, then one for each other pair.
    pub lines: Vec<Line>,
}

/// One contender over another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The contender.
    pub name: String,
    /// The contender below the line.
    pub over: String,
    /// `name` is counterfoil's own.
    pub ours: bool,
    /// The contender's median sample; none where the contender has a line above.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub median: Option<f64>,
    /// Of the samples.
    pub ratio: Ratio,
    /// What the ratio should be.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub aim: Option<Aim>,
}

/// One contender's samples over another's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The ratio of the two medians.
    pub of_medians: f64,
    /// The lower quartile of the rounds' own ratios.
    pub lower: f64,
    /// The upper quartile.
    pub upper: f64,
}

impl Ratio {
    /// The samples of `own` over those of `reference`, which ran beside them.
    pub(crate) fn of(own: &[f64], reference: &[f64]) -> Self {
        let rounds: Vec<f64> = own.iter().zip(reference).map(|(own, reference)| own / reference).collect();
        let [lower, _, upper] = quartiles(&rounds).map(rounded);
        Self { of_medians: rounded(quartiles(own)[1] / quartiles(reference)[1]), lower, upper }
    }
}

/// What a sample counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Seconds for one operation.
    Time,
    /// Operations in one second.
    Rate,
}

/// The figure aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Aim {
    /// Whether `figure` is as it should be.
    #[must_use]
    pub fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtMost(bound) => figure <= bound,
            Self::AtLeast(bound) => figure >= bound,
        }
    }

    /// The figure itself.
    #[must_use]
    pub fn bound(self) -> f64 {
        match self {
            Self::AtMost(bound) | Self::AtLeast(bound) => bound,
        }
    }
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// What happened.
    pub title: String,
    /// What the rows are.
    pub of: String,
    /// What was counted. The aims are for the last.
    pub columns: Vec<String>,
    /// A line each.
    pub rows: Vec<Row>,
}

/// What was counted of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Of what.
    pub name: String,
    /// In the order of the columns.
    pub values: Vec<f64>,
    /// For the last value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub aim: Option<Aim>,
}

/// The middle sample.
pub(crate) fn median(samples: &[f64]) -> f64 {
    rounded(quartiles(samples)[1])
}

fn quartiles(samples: &[f64]) -> [f64; 3] {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted[sorted.len() * quarter / 4])
}

/// Six digits: more are noise, and make the files of results long. An aim is judged by what is written.
pub(crate) fn rounded(figure: f64) -> f64 {
    format!("{figure:.5e}").parse().unwrap_or(figure)
}

#[cfg(test)]
mod tests {
    use super::{Aim, Ratio, rounded};

    #[test]
    fn a_ratio_is_of_the_medians_and_its_quartiles_are_of_the_rounds() {
        let ratio = Ratio::of(&[2.0, 4.0, 6.0, 8.0, 100.0], &[1.0, 4.0, 4.0, 4.0, 10.0]);
        assert_eq!(ratio, Ratio { of_medians: 1.5, lower: 1.5, upper: 2.0 });
    }

    #[test]
    fn a_bound_is_met_by_itself() {
        for (aim, figure, met) in [
            (Aim::AtMost(1.25), 1.25, true),
            (Aim::AtMost(1.25), 1.2501, false),
            (Aim::AtLeast(0.8), 0.8, true),
            (Aim::AtLeast(0.8), 0.7999, false),
        ] {
            assert_eq!(aim.is_met(figure), met, "{aim} and {figure}");
        }
    }

    #[test]
    fn six_digits_are_kept() {
        assert_eq!([5.991_234_56e-7, 1_234_567.0, 0.0].map(rounded), [5.991_23e-7, 1_234_570.0, 0.0]);
    }
}
