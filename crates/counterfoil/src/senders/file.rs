//! Senders from a TOML file, with errors that say where.

use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::form::{FieldError, SenderForm};
use crate::scheme::Sender;

/// The catalogue that ships with the crate, as the file that it is.
pub const CATALOGUE: &str = include_str!("catalogue.toml");

/// The senders of the [`CATALOGUE`].
///
/// ```
/// let stripe = counterfoil::senders::catalogue().iter().find(|sender| sender.name == "stripe");
/// assert_eq!(stripe.and_then(|sender| sender.scheme.header()), Some("Stripe-Signature"));
/// ```
#[must_use]
pub fn catalogue() -> &'static [Sender] {
    // A test reads it: a catalogue that cannot be read is never shipped.
    static SENDERS: LazyLock<Vec<Sender>> =
        LazyLock::new(|| from_toml(CATALOGUE).unwrap_or_else(|error| unreachable!("{error}")));
    &SENDERS
}

/// Reads the `[[sender]]` tables of a TOML file. `docs/senders/catalogue.md` describes their fields.
///
/// ```
/// let senders = counterfoil::senders::from_toml(
///     r#"
///     [[sender]]
///     name = "till"
///     kind = "hmac"
///     signature = { header = "X-Till-Signature", prefix = "sha256=", encoding = "hex" }
///     id = "/id"
///     "#,
/// )?;
/// assert_eq!(senders[0].scheme.header(), Some("X-Till-Signature"));
/// # Ok::<(), counterfoil::senders::SendersError>(())
/// ```
///
/// # Errors
/// The first thing that is wrong, with its line, sender and field.
pub fn from_toml(text: &str) -> Result<Vec<Sender>, SendersError> {
    let at = |span: Option<Range<usize>>| span.map(|span| line(text, span.start));
    let syntax = |error: toml::de::Error| SendersError::new(at(error.span()), error.message());
    let file = DeTable::parse(text).map_err(syntax)?;
    let mut senders: Vec<Sender> = Vec::new();
    for (key, value) in file.get_ref().iter() {
        let tables = value.get_ref().as_array().filter(|_| key.get_ref() == "sender");
        let Some(tables) = tables else {
            let reason =
                format!("`{}` is not known here: a file holds `[[sender]]` tables and nothing else", key.get_ref());
            return Err(SendersError::new(at(Some(key.span())), &reason));
        };
        for table in tables.iter() {
            let sender = read(text, table)?;
            if senders.iter().any(|other| other.name == sender.name) {
                let reason = FieldError { field: "name", reason: "another sender of this file has it".to_owned() };
                return Err(located(text, table, Some(reason.field), &reason.reason, None));
            }
            senders.push(sender);
        }
    }
    Ok(senders)
}

fn read(text: &str, table: &Spanned<DeValue<'_>>) -> Result<Sender, SendersError> {
    let form = SenderForm::deserialize(ValueDeserializer::from(table.clone()));
    let form = form.map_err(|error| located(text, table, None, error.message(), error.span()))?;
    form.build().map_err(|FieldError { field, reason }| located(text, table, Some(field), &reason, None))
}

/// An error in `table`: at `field`, or else at the field that `span` lies in.
fn located(
    text: &str,
    table: &Spanned<DeValue<'_>>,
    field: Option<&str>,
    reason: &str,
    span: Option<Range<usize>>,
) -> SendersError {
    let members = || table.get_ref().as_table().into_iter().flat_map(|table| table.iter());
    let holds = |outer: Range<usize>, at: usize| outer.contains(&at);
    let member = members().find(|(key, value)| match (field, &span) {
        (Some(field), _) => key.get_ref() == field,
        (None, Some(span)) => holds(key.span(), span.start) || holds(value.span(), span.start),
        (None, None) => false,
    });
    let name = members().find(|(key, _)| key.get_ref() == "name").and_then(|(_, value)| value.get_ref().as_str());
    let start = member.map(|(key, _)| key.span().start).or(span.map(|span| span.start)).unwrap_or(table.span().start);
    SendersError {
        line: Some(line(text, start)),
        sender: name.map(str::to_owned),
        field: field.map(str::to_owned).or_else(|| member.map(|(key, _)| key.get_ref().to_string())),
        reason: reason.to_owned(),
    }
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// What is wrong with a file of senders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendersError {
    line: Option<usize>,
    sender: Option<String>,
    field: Option<String>,
    reason: String,
}

impl SendersError {
    fn new(line: Option<usize>, reason: &str) -> Self {
        Self { line, sender: None, field: None, reason: reason.to_owned() }
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// The name of the sender, if it got that far.
    #[must_use]
    pub fn sender(&self) -> Option<&str> {
        self.sender.as_deref()
    }

    /// The field of the sender.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What is wrong with it, and what to change.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for SendersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}")?;
        }
        if let Some(sender) = &self.sender {
            write!(f, ", sender `{sender}`")?;
        }
        if let Some(field) = &self.field {
            write!(f, ", field `{field}`")?;
        }
        let separator = if self.line.is_some() { ": " } else { "" };
        write!(f, "{separator}{}", self.reason)
    }
}

impl std::error::Error for SendersError {}

#[cfg(test)]
mod tests {
    use super::*;

    const TILL: &str = "# a comment\n[[sender]]\nname = \"till\"\nkind = \"hmac\"\n\
                        signature = { header = \"X-Till\", encoding = \"hex\" }\n";

    #[test]
    fn errors_point_at_line_sender_and_field() {
        assert_eq!(from_toml(TILL).unwrap().len(), 1);
        assert_eq!(from_toml("").unwrap().len(), 0);
        let error = |text: &str| from_toml(text).unwrap_err();
        let at =
            |error: &SendersError| (error.line(), error.sender().map(str::to_owned), error.field().map(str::to_owned));
        let here = |line, field: &str| (Some(line), Some("till".to_owned()), Some(field.to_owned()));
        for (added, line, field) in [
            ("signed = [\"body\", \"body\"]", 6, "signed"),
            ("\n\nevent_type = \"type\"", 8, "event_type"),
            ("hash = \"sha1\"", 6, "hash"),
            ("colour = \"red\"", 6, "colour"),
            ("deadline = \"soon\"", 6, "deadline"),
            ("retries = [1, -1]", 6, "retries"),
            ("retry_safe = 5", 6, "retry_safe"),
            ("timestamp = { header = \"T\", format = \"iso\" }", 6, "timestamp"),
        ] {
            let error = error(&format!("{TILL}{added}\n"));
            assert_eq!(at(&error), here(line, field), "{error}");
        }
        let twice = error(&format!("{TILL}{TILL}"));
        assert_eq!(at(&twice), here(8, "name"), "{twice}");
        let unsafe_one = error(&TILL.replace("X-Till", "X Till"));
        assert_eq!(
            unsafe_one.to_string(),
            "line 5, sender `till`, field `signature`: `X Till` is not a valid header name"
        );
        let unnamed = error(&TILL.replace("name = \"till\"\n", ""));
        assert_eq!((unnamed.sender(), unnamed.reason()), (None, "missing field `name`"), "{unnamed}");
        assert!(unnamed.line().is_some(), "{unnamed}");
        assert_eq!(error("[sender]\nname = \"x\"").line(), Some(1));
        assert_eq!(error(&format!("{TILL}[[senders]]\n")).line(), Some(6));
        assert_eq!(error(&format!("{TILL}oops\n")).line(), Some(6));
    }

    #[test]
    fn the_catalogue_can_be_read() {
        let senders = from_toml(CATALOGUE).unwrap_or_else(|error| panic!("{error}"));
        assert!(senders.len() >= 13, "{}", senders.len());
        for sender in &senders {
            assert!(super::super::by_name(&sender.name).is_none(), "{} is built in", sender.name);
        }
    }
}
