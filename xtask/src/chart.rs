//! What is drawn of a bench's results: bars in groups, each group with a scale of its own.

use counterfoil_benches::Aim;
use counterfoil_benches::markdown::grouped;
use counterfoil_benches::results::{Line, Outcome, Part, Tally, Unit};

/// Letters in a line of a label.
const LABEL: usize = 46;

/// One part of the results.
#[derive(Debug)]
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) groups: Vec<Group>,
}

/// Bars on one scale.
#[derive(Debug)]
pub(crate) struct Group {
    /// What the scale is of.
    pub(crate) caption: String,
    pub(crate) bars: Vec<Bar>,
    /// Where nothing would differ: drawn as a line through the group.
    pub(crate) even: Option<f64>,
}

#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) label: Vec<String>,
    /// What the label is set against, in small letters.
    pub(crate) over: Vec<String>,
    pub(crate) ours: bool,
    pub(crate) figure: f64,
    pub(crate) text: String,
    pub(crate) quartiles: Option<[f64; 2]>,
    pub(crate) aim: Option<Aim>,
}

impl From<&Part> for Chart {
    fn from(part: &Part) -> Self {
        match part {
            Part::Contest(outcome) => of_contest(outcome),
            Part::Tally(tally) => of_tally(tally),
        }
    }
}

fn of_contest(outcome: &Outcome) -> Chart {
    let (kind, better) = match outcome.unit {
        Unit::Time => ("Time", "shorter is faster"),
        Unit::Rate => ("Rate", "longer is faster"),
    };
    let reference = outcome.lines.first().map_or("", |line| line.name.as_str());
    let (contenders, pairs): (Vec<&Line>, Vec<&Line>) = outcome.lines.iter().partition(|line| line.median.is_some());
    let group = |caption, lines: Vec<&Line>| Group {
        caption,
        bars: lines.into_iter().map(|line| bar(line, reference)).collect(),
        even: Some(1.0),
    };
    let mut groups = vec![group(format!("{kind} over that of the first; {better}"), contenders)];
    if !pairs.is_empty() {
        groups.push(group(format!("{kind} of one over that of another"), pairs));
    }
    Chart { title: outcome.title.clone(), groups }
}

fn bar(line: &Line, reference: &str) -> Bar {
    let over = if line.over == reference { Vec::new() } else { wrapped(&format!("over {}", line.over)) };
    Bar {
        label: wrapped(&line.name),
        over,
        ours: line.ours,
        figure: line.ratio.of_medians,
        text: format!("{:.3}", line.ratio.of_medians),
        quartiles: Some([line.ratio.lower, line.ratio.upper]),
        aim: line.aim,
    }
}

fn of_tally(tally: &Tally) -> Chart {
    let bars = tally.rows.iter().map(|row| {
        let figure = row.values.last().copied().unwrap_or_default();
        let label = wrapped(&row.name);
        Bar { label, over: Vec::new(), ours: true, figure, text: grouped(figure), quartiles: None, aim: row.aim }
    });
    let caption = tally.columns.last().cloned().unwrap_or_default();
    Chart { title: tally.title.clone(), groups: vec![Group { caption, bars: bars.collect(), even: None }] }
}

/// In two lines of like length where one has no room. Backticks are Markdown's.
fn wrapped(label: &str) -> Vec<String> {
    let label = label.replace('`', "");
    let spaces = label.match_indices(' ').map(|(place, _)| place);
    let middle = spaces.min_by_key(|place| place.abs_diff(label.len() / 2));
    match middle {
        Some(place) if label.chars().count() > LABEL => vec![label[..place].to_owned(), label[place + 1..].to_owned()],
        _ => vec![label],
    }
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn long_labels_are_broken_at_a_space() {
        assert_eq!(wrapped("short, `code`"), ["short, code"]);
        let long = wrapped("endpoint that checks inline by hand, and reads the type");
        assert_eq!(long, ["endpoint that checks inline", "by hand, and reads the type"]);
    }
}
