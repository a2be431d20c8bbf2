//! The runner of the benchmarks: contenders side by side in one run, compared round by round.
//!
//! Not criterion, because it measures one contender to its end before it begins the next. What is asked here
//! are ratios, and on a shared machine a minute between two contenders is worth more than the difference
//! between them. So every round runs each contender once, A B C A B C ..., and noise hits all alike. A
//! ratio is that of two medians over all rounds; beside it stand the quartiles of the rounds' own ratios.
//!
//! Nothing fails because it was slow: a missed aim is a word in a table.
//!
//! What a bench came to is a [`Results`]: printed as Markdown when a part is done, and written as JSON to the file that
//! [`RESULTS`] names, from which `cargo xtask bench` makes the report.
//!
//! `cargo bench` measures. `cargo test --benches`, which passes no `--bench`, and `--test` run one tiny round,
//! so that the benchmarks stay fit to run.

pub mod claims;
mod contest;
pub mod fixtures;
pub mod load;
pub mod markdown;
pub mod results;
mod sheet;

use std::error::Error;

pub use contest::{Contest, timed};
pub use results::{Aim, Results, Unit};
pub use sheet::{RESULTS, Sheet};

/// Whatever stops a benchmark.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// How much to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Enough rounds for a figure.
    Full,
    /// A tenth of them: for a look at it.
    Quick,
    /// One tiny round: does it run at all?
    Smoke,
}

impl Extent {
    /// [`Full`](Self::Full) under `cargo bench`, unless `--quick` or `--test` is asked for.
    #[must_use]
    pub fn from_args() -> Self {
        let passed = |flag: &str| std::env::args().any(|argument| argument == flag);
        match passed("--bench") && !passed("--test") {
            true if passed("--quick") => Self::Quick,
            true => Self::Full,
            false => Self::Smoke,
        }
    }

    /// One of two settings: what is measured quickly is the same.
    #[must_use]
    pub fn pick<T>(self, full: T, smoke: T) -> T {
        match self {
            Self::Full | Self::Quick => full,
            Self::Smoke => smoke,
        }
    }
}
