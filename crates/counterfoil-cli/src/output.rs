//! Where everything that is printed goes out: styled on a terminal, plain elsewhere.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
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

pub(crate) fn is_terminal() -> bool {
    anstream::stdout().is_terminal()
}
