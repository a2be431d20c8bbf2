//! A fault that the demo builds into the example's tables: the effect of one event fails.

use std::path::{Path, PathBuf};
use std::time::Duration;

use counterfoil::IdempotencyKey;
use rusqlite::Connection;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::DemoError;

/// Where the example keeps its tables.
pub(super) enum Tables {
    /// In this file.
    Sqlite(PathBuf),
    /// In the database at this URL.
    Postgres(String),
}

impl Tables {
    /// Lets the effect of the event fail. Others are not touched: the tables may have other users, and the demo may be
    /// gone before it mends them.
    pub(super) async fn break_for(&self, key: IdempotencyKey) -> Result<(), DemoError> {
        // The effect is the last that the handler does: what it did before must go with it.
        match self {
            Self::Sqlite(file) => run_in_file(
                file,
                &format!(
                    "CREATE TRIGGER demo_fault BEFORE INSERT ON effects WHEN NEW.key = '{key}'
                     BEGIN SELECT RAISE(ABORT, 'the demo lets this fail'); END"
                ),
            ),
            Self::Postgres(url) => {
                let statement = format!(
                    "ALTER TABLE axum_orders.effects ADD CONSTRAINT demo_fault_{key} CHECK (key <> '{key}') NOT VALID"
                );
                run_in_database(url, statement).await
            }
        }
    }

    pub(super) async fn mend(&self, key: IdempotencyKey) -> Result<(), DemoError> {
        match self {
            Self::Sqlite(file) => run_in_file(file, "DROP TRIGGER demo_fault"),
            Self::Postgres(url) => {
                let statement = format!("ALTER TABLE axum_orders.effects DROP CONSTRAINT demo_fault_{key}");
                run_in_database(url, statement).await
            }
        }
    }
}

fn run_in_file(file: &Path, statement: &str) -> Result<(), DemoError> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection.execute_batch(statement)?)
}

async fn run_in_database(url: &str, statement: String) -> Result<(), DemoError> {
    let mut connection = PgConnection::connect(url).await?;
    // A key is hexadecimal digits.
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}
