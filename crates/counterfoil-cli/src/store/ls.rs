//! `counterfoil store ls`: the rows of a store.

use std::num::NonZeroU32;
use std::process::ExitCode;

use clap::ValueEnum;
use counterfoil::idempotency::{Page, Record, State};

use super::event::{self, Id};
use super::facts;
use super::open::{Engine, Opened};
use super::table;
use super::target::Target;
use crate::error::Error;
use crate::output;

/// List events
///
/// Prints the rows of a store by scope and key. Rows whose retention has passed are not listed.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Ls {
    #[command(flatten)]
    target: Target,
    /// Only events of this state.
    #[arg(long)]
    state: Option<Only>,
    /// At most so many rows.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=MOST))]
    limit: u32,
    /// Only rows behind this one.
    #[arg(long, value_name = "SCOPE:KEY", value_parser = event::address)]
    after: Option<Id>,
    /// Every row.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Print one JSON object per line; durations are in seconds, times RFC 3339.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  counterfoil store ls --store sqlite:webhooks.db
  counterfoil store ls --state dead
  counterfoil store ls --limit 200 --after -1918533151:2c151c1724a22e51cf3c629aa99b237d
  counterfoil store ls --all --json | jq -r 'select(.attempts > 3) | .event + \" \" + .note'

A claimed event whose lease has passed was being handled by a process that is gone: the next
delivery takes it over, or parks it as dead with the reason `outcome unknown`, as its receiver
was built.

On Redis every page is a walk over all keys of the database: prefer --all to many pages.

Exit codes: 0 listed, if only to say that there is nothing, 2 a mistake in the command, or the
store cannot be had";

/// More at once would hold up the receivers; `--all` goes page by page.
const MOST: i64 = 10_000;

/// Rows that `--all` asks for at once.
const PAGE: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");

/// A page of Redis is found by a walk over all keys, so few large ones are better than many.
const PAGE_OF_REDIS: NonZeroU32 = NonZeroU32::new(100_000).expect("not zero");

#[derive(Clone, Copy, ValueEnum)]
enum Only {
    /// Given back: the next delivery is handled
    Ready,
    /// Being handled, or its holder vanished
    Claimed,
    /// Handled: copies are duplicates
    Done,
    /// Never to be handled
    Dead,
}

impl From<Only> for State {
    fn from(only: Only) -> Self {
        match only {
            Only::Ready => Self::Ready,
            Only::Claimed => Self::Claimed,
            Only::Done => Self::Done,
            Only::Dead => Self::Dead,
        }
    }
}

impl Ls {
    pub(super) async fn run(self) -> Result<ExitCode, Error> {
        let opened = self.target.open().await?;
        let listed = if self.all { self.every_page(&opened).await? } else { self.one_page(&opened).await? };
        if !listed {
            output::note("no such events");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// One row more than asked for tells whether there are more.
    async fn one_page(&self, opened: &Opened) -> Result<bool, Error> {
        let mut rows = list(opened, &self.page(NonZeroU32::MIN.saturating_add(self.limit))).await?;
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        self.print(&rows)?;
        if let (true, Some(last)) = (more, rows.last()) {
            output::note(&format!("there are more: add --after {}, or --all", facts::address(last)));
        }
        Ok(!rows.is_empty())
    }

    async fn every_page(&self, opened: &Opened) -> Result<bool, Error> {
        let bar = output::spinner("{pos} events");
        let most = if opened.engine == Engine::Redis { PAGE_OF_REDIS } else { PAGE };
        let mut page = self.page(most);
        loop {
            let rows = list(opened, &page).await?;
            bar.suspend(|| self.print(&rows))?;
            let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
            bar.inc(count);
            if count < most.get().into() {
                break;
            }
            page.after = rows.last().map(|last| (last.scope, last.key));
        }
        bar.finish_and_clear();
        Ok(bar.position() > 0)
    }

    fn page(&self, most: NonZeroU32) -> Page {
        Page { state: self.state.map(State::from), after: self.after, most }
    }

    fn print(&self, rows: &[Record]) -> Result<(), Error> {
        for rows in rows.chunks(1000) {
            output::line(&if self.json { facts::lines(rows)? } else { table::of(rows) })?;
        }
        Ok(())
    }
}

async fn list(opened: &Opened, page: &Page) -> Result<Vec<Record>, Error> {
    Ok(opened.store.list(page).await.map_err(super::StoreProblem::from)?)
}
