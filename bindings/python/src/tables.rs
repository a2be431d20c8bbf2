//! The statements that settle an event inside the application's own transaction.

use counterfoil_sqlx::{PostgresStore, Tables as Inner, postgres, sqlite};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::Text;
use crate::errors;

/// The names of the tables: `counterfoil_event` and `counterfoil_meta`, unless a schema or a prefix is given.
///
/// Args:
///     schema: The schema (PostgreSQL) or attached database (SQLite) that they are in.
///     prefix: What their names begin with, in place of `counterfoil_`.
///
/// Raises:
///     ConfigError: It is not 1 to 31 of `a-z`, `0-9` and `_`, or begins with a digit.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct Tables(pub(crate) Inner);

#[pymethods]
impl Tables {
    #[new]
    #[pyo3(signature = (*, schema = None, prefix = None))]
    fn new(py: Python<'_>, schema: Option<Text>, prefix: Option<Text>) -> PyResult<Self> {
        named(schema, prefix).map(Self).map_err(|error| errors::config(py, &error))
    }

    /// The text of a statement for PostgreSQL: `claim_in` or `complete_in`.
    fn postgres(&self, py: Python<'_>, statement: &Bound<'_, PyString>) -> PyResult<String> {
        use postgres::sql;
        let text = match &*statement.to_string_lossy() {
            "claim_in" => sql::CLAIM_IN,
            "complete_in" => sql::COMPLETE_IN,
            other => return Err(unknown(py, other)),
        };
        Ok(self.0.statement(text))
    }

    /// The text of a statement for SQLite: `claim_in`, `complete_in` or `look`.
    fn sqlite(&self, py: Python<'_>, statement: &Bound<'_, PyString>) -> PyResult<String> {
        use sqlite::sql;
        let text = match &*statement.to_string_lossy() {
            "claim_in" => sql::CLAIM_IN,
            "complete_in" => sql::COMPLETE_IN,
            "look" => sql::LOOK,
            other => return Err(unknown(py, other)),
        };
        Ok(self.0.statement(text))
    }

    /// What makes the tables in PostgreSQL, or brings them to this release's version.
    fn postgres_migrations(&self) -> String {
        PostgresStore::migrations(&self.0)
    }

    /// What makes the tables in SQLite, or brings them to this release's version.
    fn sqlite_migrations(&self) -> String {
        sqlite::SqliteStore::migrations(&self.0)
    }
}

pub(crate) fn named(schema: Option<Text>, prefix: Option<Text>) -> Result<Inner, counterfoil_sqlx::NameError> {
    let mut tables = Inner::new();
    if let Some(schema) = schema {
        tables = tables.schema(&schema.0)?;
    }
    if let Some(prefix) = prefix {
        tables = tables.prefix(&prefix.0)?;
    }
    Ok(tables)
}

fn unknown(py: Python<'_>, statement: &str) -> PyErr {
    errors::config_text(py, &format!("there is no statement `{}`", statement.escape_debug()))
}
