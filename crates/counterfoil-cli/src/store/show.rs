//! `counterfoil store show`: all facts of an event.

use std::process::ExitCode;

use counterfoil::idempotency::{Record, State};

use super::StoreProblem;
use super::event::{self, Event};
use super::facts;
use super::open::Opened;
use super::target::Target;
use crate::error::Error;
use crate::output;

/// Show all facts of an event
///
/// An event is named by SCOPE:KEY, as `counterfoil store ls` prints it, or by its KEY alone, as receivers log
/// it and `counterfoil verify` prints it; then every scope is searched.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Show {
    #[command(flatten)]
    target: Target,
    /// Print one JSON object per line; durations are in seconds, times RFC 3339.
    #[arg(long)]
    json: bool,
    /// The events.
    #[arg(value_name = "EVENT", required = true, value_parser = event::event)]
    events: Vec<Event>,
}

const EXAMPLES: &str = "\
Examples:
  counterfoil store show --store sqlite:webhooks.db 2c151c1724a22e51cf3c629aa99b237d
  counterfoil store show --json -1918533151:2c151c1724a22e51cf3c629aa99b237d

Exit codes: 0 shown, 1 an event is not there, or its retention has passed, 2 a mistake in the
command, or the store cannot be had";

impl Show {
    pub(super) async fn run(self) -> Result<ExitCode, Error> {
        let opened = self.target.open().await?;
        let (mut found, mut missing) = (Vec::new(), false);
        for event in &self.events {
            match read(&opened, *event).await? {
                Some(record) => found.push(record),
                None => {
                    missing = true;
                    output::note(&format!("there is no event {event}"));
                }
            }
        }
        if !found.is_empty() {
            let pages = || found.iter().map(page).collect::<Vec<_>>().join("\n\n");
            output::line(&if self.json { facts::lines(&found)? } else { pages() })?;
        }
        Ok(ExitCode::from(u8::from(missing)))
    }
}

async fn read(opened: &Opened, event: Event) -> Result<Option<Record>, StoreProblem> {
    match event.find(&*opened.store).await? {
        Some((scope, key)) => Ok(opened.store.get(scope, key).await?),
        None => Ok(None),
    }
}

fn page(record: &Record) -> String {
    let style = facts::style(record.state);
    let mut rows = vec![
        ("Event", facts::address(record)),
        ("Note", facts::plain(record.note.as_str())),
        ("State", format!("{style}{}{style:#}: {}", record.state.as_str(), meaning(record))),
    ];
    if let Some(reason) = &record.reason {
        rows.push(("Reason", facts::plain(reason.as_str())));
    }
    rows.extend([
        ("Attempts", record.attempts.to_string()),
        ("First seen", facts::time(record.first_at)),
        ("Expires", facts::time(record.expires_at)),
        ("Token", format!("{}, of the last claim", record.token)),
        ("Body", format!("{:?}, the first half of its SHA-256", record.fingerprint)),
    ]);
    let name = output::NAME;
    rows.iter().map(|(label, text)| format!("{name}{label:<12}{name:#}{text}")).collect::<Vec<_>>().join("\n")
}

/// What the next delivery of the event comes to.
fn meaning(record: &Record) -> String {
    match record.state {
        State::Ready => "given back, the next delivery is handled".to_owned(),
        State::Claimed if record.lease_left.is_zero() => {
            "its holder let the lease pass, the next delivery takes it over or parks it".to_owned()
        }
        State::Claimed => format!("being handled, {} of the lease left", facts::lease(record)),
        State::Done => "handled, copies are answered as duplicates".to_owned(),
        State::Dead => "never to be handled, copies are answered 500".to_owned(),
    }
}
