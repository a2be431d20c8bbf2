//! `counterfoil store purge`: takes out what nobody needs any more.

use std::num::NonZeroU32;
use std::process::ExitCode;

use serde::Serialize;

use super::StoreProblem;
use super::open::Engine;
use super::target::Target;
use crate::error::Error;
use crate::output;

/// Remove events whose retention has passed
///
/// Removes the rows that no receiver asks for any more, 5000 at a time, so that receivers are not held up.
/// Stores in SQLite and PostgreSQL do the same by themselves, a few hundred rows per second while deliveries
/// come in; this is for one that has fallen behind, or whose receivers are gone. On Redis every row expires by
/// itself: nothing is left to remove.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Purge {
    #[command(flatten)]
    target: Target,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  counterfoil store purge --store sqlite:webhooks.db
  counterfoil store purge --json      prints {\"removed\":12345}

No row goes whose retention has not passed, nor one that is being handled.

Exit codes: 0 purged, 2 a mistake in the command, or the store cannot be had";

/// Rows that go in one step.
const BATCH: NonZeroU32 = NonZeroU32::new(5000).expect("not zero");

#[derive(Serialize)]
struct Report {
    removed: u64,
}

impl Purge {
    pub(super) async fn run(self) -> Result<ExitCode, Error> {
        let opened = self.target.open().await?;
        let bar = output::spinner("{pos} events removed");
        loop {
            let removed = opened.store.purge(BATCH).await.map_err(StoreProblem::from)?;
            bar.inc(removed);
            if removed < BATCH.get().into() {
                break;
            }
        }
        bar.finish_and_clear();
        let report = Report { removed: bar.position() };
        output::line(&if self.json { output::json(&report)? } else { report.to_text(opened.engine) })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Report {
    fn to_text(&self, engine: Engine) -> String {
        match (engine, self.removed) {
            (Engine::Redis, _) => "0 events removed: on Redis each expires by itself".to_owned(),
            (_, 1) => "1 event removed".to_owned(),
            (_, removed) => format!("{removed} events removed"),
        }
    }
}
