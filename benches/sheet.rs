//! Where a bench puts what it came to.

use std::io::{self, Write as _};

use crate::results::{Outcome, Part, Results, Tally};
use crate::{BoxError, Extent};

/// The variable that names the file for a bench's [`Results`] as JSON. A bench that runs one tiny
/// round writes none: it has measured nothing.
pub const RESULTS: &str = "BENCH_RESULTS";

/// Prints what a bench came to, part by part, and writes all of it at the end.
#[derive(Debug)]
pub struct Sheet {
    extent: Extent,
    results: Results,
}

impl Sheet {
    /// An empty one.
    #[must_use]
    pub fn new(extent: Extent) -> Self {
        Self { extent, results: Results::default() }
    }

    /// Names what takes part and is not in the lock file.
    pub fn software(&mut self, name: impl Into<String>, version: impl Into<String>) {
        self.results.software.insert(name.into(), version.into());
    }

    /// Prints what a contest came to, and keeps it.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn contest(&mut self, outcome: Outcome) -> Result<(), BoxError> {
        let (title, contenders) = (outcome.title.clone(), outcome.lines.iter().filter(|line| line.median.is_some()));
        let smoke = format!("{title}: {} contenders run; nothing was measured.", contenders.count());
        self.add(Part::Contest(outcome), &smoke)
    }

    /// Prints what was counted, and keeps it.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn tally(&mut self, tally: Tally) -> Result<(), BoxError> {
        let smoke = format!("{}: {} rows; nothing was measured.", tally.title, tally.rows.len());
        self.add(Part::Tally(tally), &smoke)
    }

    fn add(&mut self, part: Part, smoke: &str) -> Result<(), BoxError> {
        let mut out = io::stdout().lock();
        match self.extent {
            Extent::Full | Extent::Quick => writeln!(out, "{part}")?,
            Extent::Smoke => writeln!(out, "{smoke}")?,
        }
        self.results.parts.push(part);
        Ok(())
    }

    /// Writes the file that [`RESULTS`] names, if it names one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<(), BoxError> {
        match std::env::var_os(RESULTS) {
            Some(path) if self.extent != Extent::Smoke => {
                Ok(std::fs::write(path, serde_json::to_string_pretty(&self.results)?)?)
            }
            _ => Ok(()),
        }
    }
}
