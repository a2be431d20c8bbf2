//! The names of the tables, and the statements that name them.

use std::fmt;
use std::sync::Arc;

/// What the statements' names for the tables begin with; replaced where a program chose another.
const PREFIX: &str = "counterfoil_";

/// What follows it.
const TABLES: [&str; 2] = ["event", "meta"];

/// PostgreSQL cuts a name off after 63 bytes; a prefix leaves room for what follows it.
const MAX_NAME: usize = 31;

/// Which tables hold the events: `counterfoil_event` and `counterfoil_meta`, where the connection's search path finds
/// them, unless a schema or a prefix is given.
///
/// ```
/// use counterfoil_sqlx::Tables;
///
/// assert_eq!(Tables::new().event(), r#""counterfoil_event""#);
/// assert_eq!(Tables::new().schema("webhooks")?.prefix("wh_")?.event(), r#""webhooks"."wh_event""#);
/// assert!(Tables::new().prefix("wh; DROP TABLE orders").is_err());
/// # Ok::<(), counterfoil_sqlx::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    schema: Option<Arc<str>>,
    prefix: Arc<str>,
}

impl Tables {
    /// The default names.
    #[must_use]
    pub fn new() -> Self {
        Self { schema: None, prefix: PREFIX.into() }
    }

    /// In this schema (PostgreSQL) or attached database (SQLite).
    ///
    /// # Errors
    /// It is no plain name: see [`NameError`].
    pub fn schema(mut self, name: &str) -> Result<Self, NameError> {
        self.schema = Some(check(name)?.into());
        Ok(self)
    }

    /// With this in front of `event` and `meta`, in place of `counterfoil_`.
    ///
    /// # Errors
    /// It is no plain name: see [`NameError`].
    pub fn prefix(mut self, prefix: &str) -> Result<Self, NameError> {
        self.prefix = check(prefix)?.into();
        Ok(self)
    }

    /// The name of the table of events, quoted and qualified.
    #[must_use]
    pub fn event(&self) -> String {
        self.qualified("event")
    }

    /// The text of one of this crate's statements, with these names in place of the default ones.
    #[must_use]
    pub fn statement(&self, text: &str) -> String {
        // In one pass: a name that is put in may itself look like one to be replaced.
        let mut parts = text.split(PREFIX);
        let mut statement = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            match TABLES.iter().find(|table| part.starts_with(**table)) {
                Some(table) => statement.extend([&self.qualified(table), &part[table.len()..]]),
                None => statement.extend([PREFIX, part]),
            }
        }
        statement
    }

    pub(crate) fn meta(&self) -> String {
        self.qualified("meta")
    }

    pub(crate) fn schema_name(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    fn qualified(&self, table: &str) -> String {
        // Checked names need no escaping; the quotes keep a reserved word from being one.
        let schema = self.schema.iter().map(|schema| format!("\"{schema}\".")).collect::<String>();
        format!("{schema}\"{}{table}\"", self.prefix)
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self::new()
    }
}

/// A name that goes into statements as it is.
fn check(name: &str) -> Result<&str, NameError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    match name.as_bytes() {
        [first, rest @ ..]
            if plain(*first)
                && name.len() <= MAX_NAME
                && rest.iter().all(|byte| plain(*byte) || byte.is_ascii_digit()) =>
        {
            Ok(name)
        }
        _ => Err(NameError { name: name.into() }),
    }
}

/// The name of a schema or the prefix of a table is not of the form `[a-z_][a-z0-9_]{0,30}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError {
    name: Box<str>,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        write!(
            f,
            "`{}` cannot name a table: give 1 to {MAX_NAME} of a-z, 0-9 and _, not beginning with a digit",
            name.escape_debug()
        )
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_carry_sql() {
        for bad in ["", "1st", "Wh", "wh-", "wh\"", "wh event", "wh;", "w\u{e9}", &"a".repeat(32)] {
            assert!(Tables::new().prefix(bad).is_err(), "{bad:?}");
            assert!(Tables::new().schema(bad).is_err(), "{bad:?}");
        }
        assert!(Tables::new().prefix(&"a".repeat(31)).is_ok());
    }

    #[test]
    fn statements_name_the_tables() {
        let tables = Tables::new().schema("user").unwrap().prefix("_9").unwrap();
        let text = tables.statement("SELECT counterfoil_event.key FROM counterfoil_event, counterfoil_meta");
        assert_eq!(text, r#"SELECT "user"."_9event".key FROM "user"."_9event", "user"."_9meta""#);
        let tables = Tables::new().schema("counterfoil_event").unwrap().prefix("counterfoil_meta").unwrap();
        assert_eq!(tables.statement("counterfoil_event"), r#""counterfoil_event"."counterfoil_metaevent""#);
    }
}
