//! The runner of the benchmarks: contenders side by side in one run, compared round by round.
//!
//! Not criterion, because it measures one contender to its end before it begins the next. What is asked here
//! are ratios, and on a shared machine a minute between two contenders is worth more than the difference
//! between them. So every round runs each contender once, A B C A B C ..., and noise hits all alike. A
//! ratio is that of two medians over all rounds; beside it stand the quartiles of the rounds' own ratios.
//!
//! Nothing fails because it was slow: a missed aim is a word in a table.
//!
//! `cargo bench` measures. `cargo test --benches`, which passes no `--bench`, and `--test` run one tiny round,
//! so that the benchmarks stay fit to run.

pub mod claims;
pub mod fixtures;
pub mod load;

use std::error::Error;
use std::fmt;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

/// Whatever stops a benchmark.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// How long one contender of [`timed`] runs in one round: short beside what disturbs a machine, long beside
/// the clock's own cost.
const ROUND: Duration = Duration::from_millis(1);

/// How much to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Enough rounds for a figure.
    Full,
    /// One tiny round: does it run at all?
    Smoke,
}

impl Extent {
    /// [`Full`](Self::Full) under `cargo bench`, unless `--test` is asked for.
    #[must_use]
    pub fn from_args() -> Self {
        let passed = |flag: &str| std::env::args().any(|argument| argument == flag);
        if passed("--bench") && !passed("--test") { Self::Full } else { Self::Smoke }
    }

    /// One of two settings.
    #[must_use]
    pub fn pick<T>(self, full: T, smoke: T) -> T {
        match self {
            Self::Full => full,
            Self::Smoke => smoke,
        }
    }
}

/// What a sample counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds for one operation.
    Time,
    /// Operations in one second.
    Rate,
}

impl Unit {
    fn format(self, sample: f64) -> String {
        match self {
            Self::Time if sample < 10e-6 => format!("{:.0} ns", sample * 1e9),
            Self::Time => format!("{:.1} us", sample * 1e6),
            Self::Rate => format!("{sample:.0}/s"),
        }
    }
}

/// The figure aimed at: a contender's sample over another's.
#[derive(Debug, Clone, Copy)]
pub enum Aim {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Aim {
    fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(bound) => ratio <= bound,
            Self::AtLeast(bound) => ratio >= bound,
        }
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

type Round<'a> = Box<dyn FnMut() -> Result<f64, BoxError> + 'a>;

/// Contenders that do the same work.
pub struct Contest<'a> {
    title: String,
    unit: Unit,
    contenders: Vec<(&'static str, Round<'a>)>,
    pairs: Vec<(&'static str, Option<Aim>, &'static str)>,
}

impl<'a> Contest<'a> {
    /// A contest without contenders. The first to enter is the reference of all.
    #[must_use]
    pub fn new(title: impl Into<String>, unit: Unit) -> Self {
        Self { title: title.into(), unit, contenders: Vec::new(), pairs: Vec::new() }
    }

    /// Lets a contender enter. `round` runs it once and gives one sample.
    #[must_use]
    pub fn enter(mut self, name: &'static str, round: impl FnMut() -> Result<f64, BoxError> + 'a) -> Self {
        self.contenders.push((name, Box::new(round)));
        self
    }

    /// Sets the aim for the sample of `name` over that of `over`.
    #[must_use]
    pub fn aim(mut self, name: &'static str, aim: Aim, over: &'static str) -> Self {
        self.pairs.push((name, Some(aim), over));
        self
    }

    /// Shows the sample of `name` over that of `over`, at which nothing is aimed.
    #[must_use]
    pub fn compare(mut self, name: &'static str, over: &'static str) -> Self {
        self.pairs.push((name, None, over));
        self
    }

    /// Runs so many rounds, or a single one where `extent` says so.
    ///
    /// # Errors
    /// What a contender's round says.
    ///
    /// # Panics
    /// If an aim or a comparison names a contender that did not enter.
    pub fn run(self, extent: Extent, rounds: usize) -> Result<Report, BoxError> {
        let Self { title, unit, mut contenders, pairs } = self;
        let rounds = extent.pick(rounds, 1);
        let mut samples = vec![Vec::with_capacity(rounds); contenders.len()];
        for _ in 0..rounds {
            for ((_, round), samples) in contenders.iter_mut().zip(&mut samples) {
                samples.push(round()?);
            }
        }
        let entries: Vec<_> = contenders.into_iter().map(|(name, _)| name).zip(samples).collect();
        let samples = |name: &str| {
            let entry = entries.iter().find(|(entry, _)| *entry == name);
            &entry.unwrap_or_else(|| panic!("no contender is called `{name}`")).1
        };
        let mut lines = Vec::new();
        let reference = entries.first().map_or("", |(name, _)| name);
        for (name, own) in &entries {
            let aim = pairs.iter().find(|(aimed, _, over)| aimed == name && *over == reference);
            lines.push(Line {
                name: (*name).to_owned(),
                median: Some(unit.format(quartiles(own)[1])),
                ratio: Ratio::of(own, samples(reference)),
                aim: aim.and_then(|(_, aim, _)| *aim),
            });
        }
        for (name, aim, over) in pairs.into_iter().filter(|(_, _, over)| *over != reference) {
            let ratio = Ratio::of(samples(name), samples(over));
            lines.push(Line { name: format!("{name} / {over}"), median: None, ratio, aim });
        }
        Ok(Report { title, extent, rounds, lines })
    }
}

impl fmt::Debug for Contest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contest").field("title", &self.title).field("pairs", &self.pairs).finish_non_exhaustive()
    }
}

/// A contender's round for work of microseconds: so many calls that one round takes about a millisecond.
pub fn timed<'a, T>(extent: Extent, mut call: impl FnMut() -> T + 'a) -> impl FnMut() -> Result<f64, BoxError> + 'a {
    let mut calls = 1_u32;
    if extent == Extent::Full {
        let started = Instant::now();
        while started.elapsed() < ROUND * 20 {
            black_box(call());
            calls += 1;
        }
        calls = (calls / 20).max(1);
    }
    move || {
        let started = Instant::now();
        for _ in 0..calls {
            black_box(call());
        }
        Ok(started.elapsed().as_secs_f64() / f64::from(calls))
    }
}

/// What a contest came to. `Display` is a Markdown table.
#[derive(Debug)]
pub struct Report {
    title: String,
    extent: Extent,
    rounds: usize,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    name: String,
    median: Option<String>,
    ratio: Ratio,
    aim: Option<Aim>,
}

/// One contender's samples over another's.
#[derive(Debug, Clone, Copy)]
struct Ratio {
    of_medians: f64,
    lower: f64,
    upper: f64,
}

impl Ratio {
    fn of(own: &[f64], reference: &[f64]) -> Self {
        let rounds: Vec<f64> = own.iter().zip(reference).map(|(own, reference)| own / reference).collect();
        let [lower, _, upper] = quartiles(&rounds);
        Self { of_medians: quartiles(own)[1] / quartiles(reference)[1], lower, upper }
    }
}

fn quartiles(samples: &[f64]) -> [f64; 3] {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted[sorted.len() * quarter / 4])
}

impl Report {
    /// Writes the table to standard output.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn print(&self) -> Result<(), BoxError> {
        Ok(writeln!(io::stdout().lock(), "{self}")?)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.extent == Extent::Smoke {
            let contenders = self.lines.iter().filter(|line| line.median.is_some()).count();
            return writeln!(f, "{}: {contenders} contenders run; nothing was measured.", self.title);
        }
        let reference = self.lines.first().map_or("", |line| line.name.as_str());
        writeln!(f, "### {}\n", self.title)?;
        writeln!(f, "{} interleaved rounds; ratios to `{reference}` unless two names are given.\n", self.rounds)?;
        writeln!(f, "| contender | median | ratio (quartiles) | aim | |")?;
        writeln!(f, "| --- | ---: | ---: | ---: | --- |")?;
        for Line { name, median, ratio, aim } in &self.lines {
            let Ratio { of_medians, lower, upper } = ratio;
            let median = median.as_deref().unwrap_or_default();
            let (aim, met) = match aim {
                Some(aim) => (aim.to_string(), if aim.is_met(*of_medians) { "met" } else { "**missed**" }),
                None => (String::new(), ""),
            };
            writeln!(f, "| {name} | {median} | {of_medians:.3} ({lower:.3} to {upper:.3}) | {aim} | {met} |")?;
        }
        Ok(())
    }
}
