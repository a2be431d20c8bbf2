//! What the demo saw, as a table for people and as JSON for programs.

use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::output;

/// One scene of one sender.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    sender: String,
    sent: String,
    answers: Vec<Answers>,
    pub(super) runs: usize,
    applied: usize,
    lost: usize,
    /// What differs from the promise.
    broken: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Answers {
    count: usize,
    answer: String,
}

impl Row {
    pub(super) fn new(sender: &str, sent: &str, seen: Vec<String>, runs: usize, applied: usize) -> Self {
        let mut answers: Vec<Answers> = Vec::new();
        for answer in seen {
            match answers.iter_mut().find(|known| known.answer == answer) {
                Some(known) => known.count += 1,
                None => answers.push(Answers { count: 1, answer }),
            }
        }
        let (sender, sent) = (sender.to_owned(), sent.to_owned());
        Self { sender, sent, answers, runs, applied, lost: 0, broken: Vec::new() }
    }

    /// Exactly these answers, in any order.
    pub(super) fn expect(self, expected: &[(usize, &str)]) -> Self {
        let same = expected.len() == self.answers.len()
            && expected
                .iter()
                .all(|(count, answer)| self.answers.iter().any(|seen| seen.count == *count && seen.answer == *answer));
        let words: Vec<String> = expected.iter().map(|(count, answer)| format!("{count} × {answer}")).collect();
        self.check(same, || format!("answers should be {}", words.join(", ")))
    }

    /// Every answer 200.
    pub(super) fn expect_success(self) -> Self {
        let success = self.answers.iter().all(|seen| seen.answer.starts_with("200"));
        self.check(success, || "every answer should be 200 in the end".to_owned())
    }

    pub(super) fn runs(self, expected: usize) -> Self {
        let same = self.runs == expected;
        self.check(same, || format!("handlers should have run {expected} times"))
    }

    /// A crash may make a handler run again, and never keep it from running.
    pub(super) fn runs_at_least(self, expected: usize) -> Self {
        let enough = self.runs >= expected;
        self.check(enough, || format!("handlers should have run {expected} times at least"))
    }

    pub(super) fn applied(self, expected: usize) -> Self {
        let same = self.applied == expected;
        self.check(same, || format!("{expected} should be applied"))
    }

    /// The example's own tables hold an order or an invoice for each event.
    pub(super) fn booked(self, booked: usize, expected: usize) -> Self {
        self.check(booked == expected, || format!("{expected} orders and invoices should be booked, not {booked}"))
    }

    /// Acknowledged before a crash and not there after it.
    pub(super) fn lost(mut self, lost: usize) -> Self {
        self.lost = lost;
        self.check(lost == 0, || format!("{lost} acknowledged events are lost"))
    }

    fn check(mut self, holds: bool, what: impl FnOnce() -> String) -> Self {
        if !holds {
            self.broken.push(what());
        }
        self
    }
}

/// Everything the demo saw.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    held: bool,
    seconds: f64,
    rows: Vec<Row>,
}

impl Report {
    /// Rows of one sender stay in order and come together.
    pub(super) fn new(mut rows: Vec<Row>, took: Duration) -> Self {
        rows.sort_by(|a, b| a.sender.cmp(&b.sender));
        Self { held: rows.iter().all(|row| row.broken.is_empty()), seconds: took.as_secs_f64(), rows }
    }

    pub(super) fn held(&self) -> bool {
        self.held
    }

    pub(super) fn to_text(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["sender", "sent", "answers", "handler ran", "applied", ""]);
        let mut sender = "";
        for row in &self.rows {
            let name = if row.sender == sender { "" } else { &row.sender };
            sender = &row.sender;
            let answers: Vec<String> =
                row.answers.iter().map(|seen| format!("{} × {}", seen.count, seen.answer)).collect();
            // A short list reads better on one line; a long one would make the column too wide.
            let separator = if answers.len() > 2 { "\n" } else { ", " };
            let verdict =
                if row.broken.is_empty() { Cell::new("✓").fg(Color::Green) } else { Cell::new("✗").fg(Color::Red) };
            table.add_row([
                Cell::new(name).fg(Color::Cyan),
                Cell::new(&row.sent),
                Cell::new(answers.join(separator)),
                Cell::new(row.runs).set_alignment(CellAlignment::Right),
                Cell::new(row.applied).set_alignment(CellAlignment::Right),
                verdict,
            ]);
        }
        let broken = self.rows.iter().flat_map(|row| row.broken.iter().map(move |what| (row, what)));
        let broken: Vec<String> =
            broken.map(|(row, what)| format!("\n✗ {}, {}: {what}", row.sender, row.sent)).collect();
        let (style, verdict) = if self.held {
            (output::GOOD, "Every promise held: nothing acknowledged was lost, nothing was applied twice.")
        } else {
            (output::BAD, "A promise did not hold:")
        };
        format!("{table}\n{style}{verdict}{style:#} ({:.1} s){}", self.seconds, broken.join(""))
    }
}
