//! `counterfoil store migrate`: makes the tables of a PostgreSQL store.

use std::process::ExitCode;

use counterfoil_sqlx::{OpenError, PostgresStore, Tables};
use sqlx::PgPool;

use super::StoreProblem;
use super::target::Target;
use crate::error::Error;
use crate::output;

/// Make the tables of a PostgreSQL store, or bring them up to date
///
/// A receiver checks the tables when it starts, and makes them only if its program says so. Run this before
/// the first start and before each new release instead, as a role that may make tables: the receivers' own role
/// then needs no more than to read and write rows. All of it happens in one transaction; running it again changes
/// nothing. The schema is made too where it is missing.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Migrate {
    #[command(flatten)]
    target: Target,
    /// Print the SQL that makes the tables from nothing, and run none of it; needs no store. It takes the schema
    /// to be there.
    #[arg(long)]
    print: bool,
}

const EXAMPLES: &str = "\
Examples:
  counterfoil store migrate --store postgres://owner@db.example/shop?sslmode=verify-full
  counterfoil store migrate --schema webhooks --prefix wh_
  counterfoil store migrate --print > migrations/0007_counterfoil.sql

Exit codes: 0 the tables are up to date, 2 a mistake in the command, or the database cannot be had";

impl Migrate {
    pub(super) async fn run(self) -> Result<ExitCode, Error> {
        let tables = self.target.tables()?;
        if self.print {
            output::line(PostgresStore::migrations(&tables).trim())?;
            return Ok(ExitCode::SUCCESS);
        }
        let changed = migrate(self.target.database().await?, &tables).await?;
        let (name, what) = (tables.event(), if changed { "made or updated" } else { "nothing to do" });
        output::line(&format!("{name} is up to date: {what}"))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Says whether there was something to do.
async fn migrate(pool: PgPool, tables: &Tables) -> Result<bool, StoreProblem> {
    let builder = PostgresStore::builder(pool).tables(tables.clone());
    match builder.clone().open().await {
        Err(OpenError::NotMigrated { .. }) => {}
        other => return Ok(other.map(|_| false)?),
    }
    builder.migrate().open().await?;
    Ok(true)
}
