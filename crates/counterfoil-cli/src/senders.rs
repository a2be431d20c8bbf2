//! `counterfoil senders`: what is known of each sender.

mod facts;

use std::process::ExitCode;
use std::time::Duration;

use comfy_table::{Attribute, Cell, Color, ContentArrangement, LineStyle, Table, TableStyle, presets};
use counterfoil::scheme::{EventSource, Retries, Sender};
use counterfoil::time::{FUTURE, STRICT_PAST, TimestampFormat};
use humantime::format_duration;

use crate::error::Error;
use crate::{input, output};
use facts::Facts;

/// Show what each sender signs, and how it retries
///
/// Without a name, prints a table of all senders; with one, all facts of that sender and the event types known
/// so far. The set of types is open: a receiver takes any other type just as well.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Senders {
    /// Print JSON; durations are in seconds.
    #[arg(long)]
    json: bool,
    /// The sender.
    #[arg(value_name = "NAME", value_parser = input::sender())]
    name: Option<&'static Sender>,
}

const EXAMPLES: &str = "\
Examples:
  counterfoil senders
  counterfoil senders handl
  counterfoil senders --json | jq -r '.[] | .name + \" \" + .signature.header'

In the table, the time and the key come from a header or from that place in the body, the retries end that \
long after the first attempt, and the window is how old a signed time may be under --tolerance retry-safe.

Exit codes: 0 printed, 2 no such sender";

/// The space between two columns.
const GAP: u16 = 2;

impl Senders {
    pub(crate) fn run(self) -> Result<ExitCode, Error> {
        let all = &counterfoil::senders::ALL;
        let text = match (self.name, self.json) {
            (None, false) => table(all),
            (None, true) => output::json(&all.iter().map(Facts::of).collect::<Vec<_>>())?,
            (Some(sender), false) => page(sender),
            (Some(sender), true) => output::json(&Facts::of(sender))?,
        };
        output::line(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// All senders, a row each; where the terminal is too narrow for that, a few short lines each.
fn table(senders: &[Sender]) -> String {
    let mut table = new_table(TableStyle::new().header_separator(LineStyle::none().fill('─')));
    table.set_header(TITLES.map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
    for sender in senders {
        let [name, rest @ ..] = summary(sender);
        table.add_row([Cell::new(name).fg(Color::DarkCyan)].into_iter().chain(rest.map(Cell::new)));
    }
    pad(&mut table);
    let needed = table.column_max_content_widths().iter().map(|width| width + GAP).sum::<u16>() - GAP;
    match table.width() {
        Some(width) if width < needed => senders.iter().map(card).collect::<Vec<_>>().join("\n\n"),
        _ => table.trim_fmt(),
    }
}

const TITLES: [&str; 8] =
    ["Name", "Signature header", "Signed bytes", "Signed time", "Key", "Deadline", "Retries", "Window"];

fn summary(sender: &Sender) -> [String; 8] {
    let timing = &sender.timing;
    [
        sender.name.to_string(),
        sender.scheme.header().unwrap_or_default().to_owned(),
        facts::signed_bytes_in_short(sender),
        match sender.scheme.timestamp().and_then(facts::place) {
            Some(("body", pointer)) => pointer.to_owned(),
            Some((place, _)) => place.to_owned(),
            None => "none".to_owned(),
        },
        facts::id(sender).unwrap_or_else(|| "body".to_owned()),
        or_else(timing.deadline, "unknown"),
        match (&timing.retries, timing.retries.horizon()) {
            (Retries::After(waits), Some(horizon)) => {
                format!("{} in {}", waits.len(), format_duration(to_minutes(horizon)))
            }
            (retries, _) => facts::retry_kind(retries).to_owned(),
        },
        or_else(timing.retry_safe, "none"),
    ]
}

fn card(sender: &Sender) -> String {
    let [name, header, bytes, time, key, deadline, retries, window] = summary(sender);
    let style = output::NAME;
    format!(
        "{style}{name}{style:#}\n  {header} over {bytes}\n  time from {time}, key from {key}\n  \
         deadline {deadline}, retries {retries}, window {window}"
    )
}

fn page(sender: &Sender) -> String {
    let mut table = new_table(presets::NOTHING);
    let mut row = |label: &str, text: &str| {
        table.add_row([Cell::new(label).fg(Color::DarkCyan), Cell::new(text)]);
    };
    row("Sender", &format!("{} ({})", sender.title, sender.name));
    row("Signature", &facts::signature_form(sender));
    row("Signed bytes", &facts::signed_bytes(sender));
    row("Signed time", &signed_time(sender));
    row("Body", facts::body_in_words(sender.scheme.body));
    row("Event type", sender.envelope.event_type.as_deref().unwrap_or("not in the body"));
    row("Key from", &key(sender));
    let unsigned: Vec<_> = facts::unsigned_headers(sender).collect();
    if !unsigned.is_empty() {
        row("Not signed", &unsigned.join(", "));
    }
    row("Deadline", &or_else(sender.timing.deadline, "not stated"));
    row("Retries", &retries(&sender.timing.retries));
    row("Strict", &window(Some(STRICT_PAST)));
    row("Retry-safe", &retry_safe(sender));
    for source in [EventSource::Documented, EventSource::Shipped, EventSource::Unconfirmed] {
        let names: Vec<_> =
            sender.events.iter().filter(|event| event.source == source).map(|event| &*event.name).collect();
        if !names.is_empty() {
            row(&format!("Events, {}", facts::source(source)), &names.join(" "));
        }
    }
    pad(&mut table);
    table.trim_fmt()
}

/// Fits the terminal; in a pipe each row is one line. Whether styles stay is decided where it is printed.
fn new_table(style: TableStyle) -> Table {
    let mut table = Table::new();
    table.load_style(style).set_content_arrangement(ContentArrangement::Dynamic).enforce_styling();
    table
}

fn pad(table: &mut Table) {
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { 0 } else { GAP }, 0));
    }
}

fn signed_time(sender: &Sender) -> String {
    let Some(timestamp) = sender.scheme.timestamp() else { return "none".to_owned() };
    let (place, at) = facts::place(timestamp).unwrap_or_default();
    format!("{place} {at}: {}", facts::format_in_words(timestamp.format()))
}

fn key(sender: &Sender) -> String {
    match facts::id(sender) {
        Some(pointer) => format!("the id at {pointer}"),
        None => "the SHA-256 of the body".to_owned(),
    }
}

fn retries(retries: &Retries) -> String {
    match (retries, retries.horizon()) {
        (Retries::After(waits), Some(horizon)) => {
            let waits: Vec<_> = waits.iter().map(|wait| format_duration(*wait).to_string()).collect();
            format!("{} in {}, after {}", waits.len(), format_duration(horizon), waits.join(", "))
        }
        (Retries::Never, _) => "none: a failed delivery is lost".to_owned(),
        (Retries::Manual, _) => "when somebody presses the button".to_owned(),
        _ => "not known".to_owned(),
    }
}

fn retry_safe(sender: &Sender) -> String {
    let window = window(sender.timing.retry_safe);
    match sender.scheme.timestamp() {
        Some(timestamp) if timestamp.format() == TimestampFormat::SiteUnixSeconds => {
            format!("{window}; without --utc-offset, at any offset on Earth")
        }
        _ => window,
    }
}

fn window(past: Option<Duration>) -> String {
    match past {
        Some(past) => format!("{} past, {} ahead", format_duration(past), format_duration(FUTURE)),
        None => "no signed time to check".to_owned(),
    }
}

fn to_minutes(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs().next_multiple_of(60))
}

fn or_else(duration: Option<Duration>, otherwise: &str) -> String {
    duration.map_or_else(|| otherwise.to_owned(), |duration| format_duration(duration).to_string())
}
