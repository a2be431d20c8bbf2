//! Where everything that is printed goes out: styled on a terminal, plain elsewhere.

use std::io::{self, Write as _};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();

/// Writes `text` and a line feed to stdout. Styles in it are kept where the terminal and the user want them.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout();
    writeln!(out, "{text}")?;
    out.flush()
}

/// `value` as JSON: spread over lines for a person at a terminal, one line for a program.
pub(crate) fn json(value: &impl Serialize) -> io::Result<String> {
    let text = if is_terminal() { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    Ok(text?)
}

/// What does not belong into the answer, on stderr.
pub(crate) fn note(text: &str) {
    // With stderr gone too there is nobody left to tell.
    let _ = writeln!(anstream::stderr(), "{WARN}note:{WARN:#} {text}");
}

/// A spinner on stderr before `template`, which hides itself where stderr is no terminal.
pub(crate) fn spinner(template: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(100));
    match ProgressStyle::with_template(&format!("{{spinner:.cyan}} {template}")) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

pub(crate) fn is_terminal() -> bool {
    anstream::stdout().is_terminal()
}
