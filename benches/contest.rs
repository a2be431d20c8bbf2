//! Contenders that run in turns.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::results::{Aim, Line, Outcome, Ratio, Unit, median};
use crate::{BoxError, Extent};

/// How long one contender of [`timed`] runs in one round: short beside what disturbs a machine, long beside
/// the clock's own cost.
const ROUND: Duration = Duration::from_millis(1);

type Round<'a> = Box<dyn FnMut() -> Result<f64, BoxError> + 'a>;

struct Contender<'a> {
    name: &'static str,
    ours: bool,
    round: Round<'a>,
}

struct Pair {
    name: &'static str,
    over: &'static str,
    aim: Option<Aim>,
}

/// Contenders that do the same work.
pub struct Contest<'a> {
    title: String,
    unit: Unit,
    contenders: Vec<Contender<'a>>,
    pairs: Vec<Pair>,
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
        self.contenders.push(Contender { name, ours: false, round: Box::new(round) });
        self
    }

    /// As [`enter`](Self::enter), for what is counterfoil's own: the plots colour it.
    #[must_use]
    pub fn ours(mut self, name: &'static str, round: impl FnMut() -> Result<f64, BoxError> + 'a) -> Self {
        self.contenders.push(Contender { name, ours: true, round: Box::new(round) });
        self
    }

    /// Sets the aim for the sample of `name` over that of `over`.
    #[must_use]
    pub fn aim(mut self, name: &'static str, aim: Aim, over: &'static str) -> Self {
        self.pairs.push(Pair { name, over, aim: Some(aim) });
        self
    }

    /// Shows the sample of `name` over that of `over`, at which nothing is aimed.
    #[must_use]
    pub fn compare(mut self, name: &'static str, over: &'static str) -> Self {
        self.pairs.push(Pair { name, over, aim: None });
        self
    }

    /// Runs so many rounds, or as few of them as `extent` says.
    ///
    /// # Errors
    /// What a contender's round says.
    ///
    /// # Panics
    /// If an aim or a comparison names a contender that did not enter.
    pub fn run(self, extent: Extent, rounds: usize) -> Result<Outcome, BoxError> {
        let Self { title, unit, mut contenders, pairs } = self;
        let rounds = match extent {
            Extent::Full => rounds,
            Extent::Quick => rounds.div_ceil(10),
            Extent::Smoke => 1,
        };
        let mut samples = vec![Vec::with_capacity(rounds); contenders.len()];
        for _ in 0..rounds {
            for (contender, samples) in contenders.iter_mut().zip(&mut samples) {
                samples.push((contender.round)()?);
            }
        }
        let find = |name: &str| {
            let place = contenders.iter().position(|contender| contender.name == name);
            let place = place.unwrap_or_else(|| panic!("no contender is called `{name}`"));
            (contenders[place].ours, samples[place].as_slice())
        };
        let reference = contenders.first().map_or("", |contender| contender.name);
        let line = |name: &str, over: &str, aim| {
            let ((ours, own), (_, other)) = (find(name), find(over));
            Line { name: name.to_owned(), over: over.to_owned(), ours, median: None, ratio: Ratio::of(own, other), aim }
        };
        let mut lines = Vec::new();
        for (Contender { name, .. }, samples) in contenders.iter().zip(&samples) {
            let aimed = pairs.iter().find(|pair| pair.name == *name && pair.over == reference);
            let line = line(name, reference, aimed.and_then(|pair| pair.aim));
            lines.push(Line { median: Some(median(samples)), ..line });
        }
        for Pair { name, over, aim } in pairs.iter().filter(|pair| pair.over != reference) {
            lines.push(line(name, over, *aim));
        }
        Ok(Outcome { title, unit, rounds, lines })
    }
}

impl fmt::Debug for Contest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contest").field("title", &self.title).finish_non_exhaustive()
    }
}

/// A contender's round for work of microseconds: so many calls that one round takes about a millisecond.
pub fn timed<'a, T>(extent: Extent, mut call: impl FnMut() -> T + 'a) -> impl FnMut() -> Result<f64, BoxError> + 'a {
    let mut calls = 1_u32;
    if extent != Extent::Smoke {
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
