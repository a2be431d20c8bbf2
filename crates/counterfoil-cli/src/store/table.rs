//! Rows as a table.

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width,
};
use counterfoil::idempotency::{Record, State};

use super::facts;

const TITLES: [&str; 8] = ["State", "Event", "Lease", "Attempts", "First seen", "Expires", "Note", "Reason"];

/// What each column takes at least; the last two are folded where the terminal is too narrow for their texts.
const WIDTHS: [u16; 8] = [7, 44, 6, 8, 20, 20, 16, 8];

/// The space between two columns.
const GAP: u16 = 2;

/// A row each; where the terminal is too narrow for that, a few short lines each.
pub(super) fn of(rows: &[Record]) -> String {
    let mut table = Table::new();
    let style = TableStyle::new().header_separator(LineStyle::none().fill('─'));
    table.load_style(style).set_content_arrangement(ContentArrangement::Dynamic).enforce_styling();
    let needed = WIDTHS.iter().map(|width| width + GAP).sum::<u16>() - GAP;
    if table.width().is_some_and(|width| width < needed) {
        return rows.iter().map(card).collect::<Vec<_>>().join("\n\n");
    }
    table.set_header(TITLES.map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
    for row in rows {
        table.add_row(cells(row));
    }
    for (index, (column, width)) in table.column_iter_mut().zip(WIDTHS).enumerate() {
        let gap = if index == 0 { 0 } else { GAP };
        column.set_padding((gap, 0)).set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width + gap)));
    }
    table.trim_fmt()
}

fn cells(row: &Record) -> [Cell; 8] {
    [
        Cell::new(row.state.as_str()).fg(color(row.state)),
        Cell::new(facts::address(row)),
        Cell::new(facts::lease(row)),
        Cell::new(row.attempts).set_alignment(CellAlignment::Right),
        Cell::new(facts::time(row.first_at)),
        Cell::new(facts::time(row.expires_at)),
        Cell::new(facts::plain(row.note.as_str())),
        Cell::new(row.reason.as_ref().map(|reason| facts::plain(reason.as_str())).unwrap_or_default()),
    ]
}

fn card(row: &Record) -> String {
    let (style, state, event) = (facts::style(row.state), row.state.as_str(), facts::address(row));
    let mut text = format!("{style}{state:<7}{style:#}  {event}\n  {}", facts::plain(row.note.as_str()));
    if let Some(reason) = &row.reason {
        text += &format!("\n  {}", facts::plain(reason.as_str()));
    }
    let lease = facts::lease(row);
    if !lease.is_empty() {
        text += &format!("\n  lease {lease}");
    }
    let (first, expires) = (facts::time(row.first_at), facts::time(row.expires_at));
    text + &format!("\n  attempts {}, first seen {first}, expires {expires}", row.attempts)
}

fn color(state: State) -> Color {
    match state {
        State::Ready => Color::DarkCyan,
        State::Claimed => Color::DarkYellow,
        State::Done => Color::DarkGreen,
        State::Dead => Color::DarkRed,
    }
}
