//! All senders: a row each, or a few short lines.

use comfy_table::{Attribute, Cell, Color, LineStyle, TableStyle};
use counterfoil::scheme::{Check, Retries, Sender};
use humantime::format_duration;

use super::words;
use super::{GAP, new_table, pad};
use crate::known::{Known, Origin};
use crate::output;

/// All senders, a row each; where the terminal is too narrow for that, a few short lines each.
pub(super) fn table(known: &Known<'_>) -> String {
    let mut table = new_table(TableStyle::new().header_separator(LineStyle::none().fill('─')));
    table.set_header(TITLES.map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
    for sender in known.groups().flat_map(|(_, senders)| senders) {
        let [name, rest @ ..] = summary(sender);
        table.add_row([Cell::new(name).fg(Color::DarkCyan)].into_iter().chain(rest.map(Cell::new)));
    }
    pad(&mut table);
    let needed = table.column_max_content_widths().iter().map(|width| width + GAP).sum::<u16>() - GAP;
    if table.width().is_some_and(|width| width < needed) {
        return grouped(known, known.groups().flat_map(|(_, senders)| senders).map(card), "\n\n");
    }
    // Where nothing has to be broken, each sender is one line.
    let text = table.trim_fmt();
    let mut lines = text.lines().map(str::to_owned);
    let head: Vec<_> = lines.by_ref().take(2).collect();
    format!("{}\n{}", head.join("\n"), grouped(known, lines, "\n"))
}

const TITLES: [&str; 9] =
    ["Name", "Check", "Header", "Signed bytes", "Signed time", "Key", "Deadline", "Retries", "Window"];

fn summary(sender: &Sender) -> [String; 9] {
    let timing = &sender.timing;
    [
        sender.name.to_string(),
        words::check_in_short(sender),
        sender.scheme.header().unwrap_or("none").to_owned(),
        words::signed_bytes_in_short(sender),
        match sender.scheme.timestamp().and_then(words::place) {
            Some(("body", pointer)) => pointer.to_owned(),
            Some((place, _)) => place.to_owned(),
            None => "none".to_owned(),
        },
        words::key_in_short(sender),
        words::or_else(timing.deadline, "unknown"),
        match (&timing.retries, timing.retries.horizon()) {
            (Retries::After(waits), Some(horizon)) => {
                format!("{} in {}", waits.len(), format_duration(words::to_minutes(horizon)))
            }
            (retries, _) => words::retry_kind(retries).to_owned(),
        },
        words::or_else(timing.retry_safe, "none"),
    ]
    .map(|text| words::printable(&text))
}

fn card(sender: &Sender) -> String {
    let [name, check, header, bytes, time, key, deadline, retries, window] = summary(sender);
    let proof = match &sender.scheme.check {
        Check::Hmac(_) => format!("{header} over {bytes}"),
        Check::Remote(_) => format!("{header}, {bytes}"),
        _ => header,
    };
    let style = output::NAME;
    format!(
        "{style}{name}{style:#}\n  {check}: {proof}\n  time from {time}, key from {key}\n  \
         deadline {deadline}, retries {retries}, window {window}"
    )
}

/// The texts of all senders, each group under a title.
fn grouped(known: &Known<'_>, mut texts: impl Iterator<Item = String>, separator: &str) -> String {
    let bold = anstyle::Style::new().bold();
    let group = |(origin, senders): (Origin<'_>, &[Sender])| {
        let texts: Vec<_> = texts.by_ref().take(senders.len()).collect();
        let title = match origin {
            Origin::BuiltIn => "Built in".to_owned(),
            _ => format!("From {}", words::origin(origin)),
        };
        format!("{bold}{title}{bold:#}\n{}", texts.join(separator))
    };
    known.groups().filter(|(_, senders)| !senders.is_empty()).map(group).collect::<Vec<_>>().join("\n\n")
}
