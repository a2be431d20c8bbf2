//! `counterfoil store forget`: takes events out of a store.

use std::io::{self, BufRead, IsTerminal as _, Write};
use std::process::ExitCode;

use serde::Serialize;

use super::StoreProblem;
use super::event::{self, Event, Id};
use super::facts;
use super::open::Opened;
use super::target::Target;
use crate::error::Error;
use crate::output;

/// Forget events, so that a redelivery is handled anew
///
/// Removes the rows of the events, whatever their state. Nothing is handled by that: the next delivery of such
/// an event, a retry or one that somebody asks the sender for, is handled as if it were the first.
///
/// Forgetting a dead event is how it gets another chance. Forgetting one that is done lets a redelivery run its
/// handler again: do it if the effects are gone, or bear a repeat. Forgetting a claimed one fences its holder
/// off: the handler may run on, but what it does can no longer be completed, and a delivery may run beside it.
///
/// An event is named by SCOPE:KEY, as `counterfoil store ls` prints it, or by its KEY alone, as receivers log
/// it; then every scope is searched.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Forget {
    #[command(flatten)]
    target: Target,
    /// Do not ask; needed where there is no terminal to ask on.
    #[arg(long)]
    yes: bool,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
    /// The events.
    #[arg(value_name = "EVENT", required = true, value_parser = event::event)]
    events: Vec<Event>,
}

const EXAMPLES: &str = "\
Examples:
  counterfoil store forget --store sqlite:webhooks.db 2c151c1724a22e51cf3c629aa99b237d
  counterfoil store forget --yes -1918533151:2c151c1724a22e51cf3c629aa99b237d

Every dead event:
  counterfoil store ls --state dead --all --json | jq -r .event |
    xargs -r counterfoil store forget --yes

Exit codes: 0 all were forgotten, 1 one was not there, or the answer was no, 2 a mistake in the
command, or the store cannot be had";

/// What became of one event.
#[derive(Serialize)]
struct Outcome {
    event: String,
    forgotten: bool,
}

impl Forget {
    pub(super) async fn run(self) -> Result<ExitCode, Error> {
        let can_ask = io::stdin().is_terminal() && io::stderr().is_terminal();
        if !self.yes && !can_ask {
            return Err(StoreProblem::CannotAsk.into());
        }
        let opened = self.target.open().await?;
        let mut events = Vec::new();
        for event in &self.events {
            events.push((*event, event.find(&*opened.store).await?));
        }
        if !self.yes && !confirm(&opened, &events).await? {
            output::note("nothing was forgotten");
            return Ok(ExitCode::from(1));
        }
        let mut all = true;
        for (event, id) in events {
            let outcome = forget(&opened, event, id).await?;
            all &= outcome.forgotten;
            output::line(&if self.json { outcome.to_json()? } else { outcome.to_text() })?;
        }
        Ok(ExitCode::from(u8::from(!all)))
    }
}

async fn forget(opened: &Opened, event: Event, id: Option<Id>) -> Result<Outcome, StoreProblem> {
    let Some((scope, key)) = id else { return Ok(Outcome { event: event.to_string(), forgotten: false }) };
    Ok(Outcome { event: event::print((scope, key)), forgotten: opened.store.forget(scope, key).await? })
}

/// Shows what would go and asks. There is nothing to ask about where no event is there.
async fn confirm(opened: &Opened, events: &[(Event, Option<Id>)]) -> Result<bool, Error> {
    let mut lines = Vec::new();
    for (scope, key) in events.iter().filter_map(|(_, id)| *id) {
        if let Some(row) = opened.store.get(scope, key).await.map_err(StoreProblem::from)? {
            let (style, note) = (facts::style(row.state), facts::plain(row.note.as_str()));
            lines.push(format!("  {style}{:<7}{style:#}  {}  {note}\n", row.state.as_str(), facts::address(&row)));
        }
    }
    if lines.is_empty() {
        return Ok(true);
    }
    let question = format!("{}Forget? The next delivery of each is handled anew. [y/N] ", lines.concat());
    Ok(ask(&question, &mut anstream::stderr(), &mut io::stdin().lock())?)
}

/// Anything but a clear yes is a no, and so is the end of the input.
fn ask(question: &str, out: &mut impl Write, input: &mut impl BufRead) -> io::Result<bool> {
    write!(out, "{question}")?;
    out.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

impl Outcome {
    fn to_json(&self) -> io::Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    fn to_text(&self) -> String {
        let (style, what) = if self.forgotten { (output::GOOD, "forgotten") } else { (output::BAD, "not there") };
        format!("{style}{what}{style:#}  {}", self.event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for (answer, expected) in [("y\n", true), ("YES\r\n", true), (" yes ", true), ("\n", false), ("", false)] {
            let mut asked = Vec::new();
            assert_eq!(ask("Sure? ", &mut asked, &mut answer.as_bytes()).unwrap(), expected, "{answer:?}");
            assert_eq!(asked, b"Sure? ");
        }
        for answer in ["n\n", "no\n", "yep\n", "ye\n", "1\n"] {
            assert!(!ask("", &mut Vec::new(), &mut answer.as_bytes()).unwrap(), "{answer:?}");
        }
    }
}
