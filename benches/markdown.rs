//! The tables, as Markdown: on standard output and in the report.

use std::fmt;

use crate::results::{Aim, Line, Outcome, Part, Ratio, Row, Tally, Unit};

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contest(outcome) => outcome.fmt(f),
            Self::Tally(tally) => tally.fmt(f),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reference = self.lines.first().map_or("", |line| line.name.as_str());
        writeln!(f, "### {}\n", self.title)?;
        writeln!(f, "{} rounds. Ratios are to `{reference}`, unless two names are given.\n", self.rounds)?;
        writeln!(f, "| contender | median | ratio (quartiles) | aim | |")?;
        writeln!(f, "| --- | ---: | ---: | ---: | --- |")?;
        for line in &self.lines {
            let median = line.median.map(|median| self.unit.format(median)).unwrap_or_default();
            let (aim, met) = judged(line.aim, line.ratio.of_medians);
            writeln!(f, "| {} | {median} | {} | {aim} | {met} |", cell(&line.label()), line.ratio)?;
        }
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.title)?;
        let columns: Vec<String> = self.columns.iter().map(|column| cell(column)).collect();
        writeln!(f, "| {} | {} | aim | |", cell(&self.of), columns.join(" | "))?;
        writeln!(f, "| --- |{} ---: | --- |", " ---: |".repeat(self.columns.len()))?;
        for Row { name, values, aim } in &self.rows {
            let cells: Vec<String> = values.iter().copied().map(grouped).collect();
            let (aim, met) = judged(*aim, values.last().copied().unwrap_or_default());
            writeln!(f, "| {} | {} | {aim} | {met} |", cell(name), cells.join(" | "))?;
        }
        Ok(())
    }
}

impl Line {
    /// The contender, and the other where that is not the first.
    #[must_use]
    pub fn label(&self) -> String {
        if self.median.is_some() { self.name.clone() } else { format!("{} / {}", self.name, self.over) }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ({:.3} to {:.3})", self.of_medians, self.lower, self.upper)
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "at most {bound}"),
            Self::AtLeast(bound) => write!(f, "at least {bound}"),
        }
    }
}

impl Unit {
    /// A sample for people.
    #[must_use]
    pub fn format(self, sample: f64) -> String {
        match self {
            Self::Time if sample < 10e-6 => format!("{} ns", grouped(sample * 1e9)),
            Self::Time => format!("{:.1} µs", sample * 1e6),
            Self::Rate => format!("{}/s", grouped(sample)),
        }
    }
}

/// Text for a cell of a table, which a bar would end.
#[must_use]
pub fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The aim and what came of it; two empty cells where there is none.
fn judged(aim: Option<Aim>, figure: f64) -> (String, &'static str) {
    match aim {
        Some(aim) => (aim.to_string(), verdict(aim, figure)),
        None => (String::new(), ""),
    }
}

/// What came of an aim.
#[must_use]
pub fn verdict(aim: Aim, figure: f64) -> &'static str {
    if aim.is_met(figure) { "met" } else { "**missed**" }
}

/// A figure without a fraction, its thousands apart: `1,000,000`. Below ten it has one digit of it.
#[must_use]
pub fn grouped(figure: f64) -> String {
    if figure < 10.0 && figure.fract() != 0.0 {
        return format!("{figure:.1}");
    }
    apart(&format!("{figure:.0}"))
}

/// A count, its thousands apart.
#[must_use]
pub fn count(number: usize) -> String {
    apart(&number.to_string())
}

fn apart(digits: &str) -> String {
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::{count, grouped};
    use crate::Unit;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([7.0, 4.25, 999.6, 123_456.0, 1e6].map(grouped), ["7", "4.2", "1,000", "123,456", "1,000,000"]);
        assert_eq!([0, 512, 8192].map(count), ["0", "512", "8,192"]);
    }

    #[test]
    fn samples_have_their_unit() {
        assert_eq!(Unit::Time.format(599.4e-9), "599 ns");
        assert_eq!(Unit::Time.format(34.72e-6), "34.7 µs");
        assert_eq!(Unit::Rate.format(149_432.4), "149,432/s");
    }
}
