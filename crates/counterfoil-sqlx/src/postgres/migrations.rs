//! The tables, made in numbered steps.

use counterfoil::idempotency::Fingerprint;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::open::OpenError;
use crate::Tables;

/// One step from a version to the next. Steps are only ever added.
struct Migration {
    text: &'static str,
    /// The oldest version whose statements still work on the tables as this step leaves them, so that receivers of
    /// two releases can run side by side during an upgrade.
    compatible_from: i32,
}

const MIGRATIONS: &[Migration] = &[Migration {
    text: "
CREATE TABLE counterfoil_meta (
    version         integer     PRIMARY KEY,
    checksum        bytea       NOT NULL,
    compatible_from integer     NOT NULL,
    applied_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE counterfoil_event (
    scope       integer     NOT NULL,
    key         bytea       NOT NULL CHECK (octet_length(key) = 16),
    fingerprint bytea       NOT NULL CHECK (octet_length(fingerprint) = 16),
    state       smallint    NOT NULL CHECK (state BETWEEN 0 AND 3), -- ready, claimed, done, dead
    token       bigint      NOT NULL,
    attempts    integer     NOT NULL,
    lease_until timestamptz NOT NULL,
    first_at    timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL, -- written by claims alone: settling touches no index
    note        text        NOT NULL,
    reason      text,
    PRIMARY KEY (scope, key)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.01);
CREATE INDEX ON counterfoil_event (expires_at);
",
    compatible_from: 1,
}];

/// Any number that is unlikely to be another program's.
const LOCK: i64 = 0x6366_6f69_6c01;

/// The statements that make the tables from nothing, for people who migrate by a tool of their own.
pub(crate) fn script(tables: &Tables) -> String {
    script_from(tables, 0)
}

fn script_from(tables: &Tables, done: usize) -> String {
    let steps = MIGRATIONS.iter().enumerate().skip(done).map(|(index, migration)| {
        let checksum: String = migration.checksum().iter().map(|byte| format!("{byte:02x}")).collect();
        let (text, meta) = (tables.statement(migration.text), tables.meta());
        let compatible_from = migration.compatible_from;
        format!(
            "{text}INSERT INTO {meta} (version, checksum, compatible_from) VALUES ({}, '\\x{checksum}', {compatible_from});\n",
            index + 1
        )
    });
    steps.collect()
}

impl Migration {
    fn checksum(&self) -> [u8; 16] {
        *Fingerprint::of(self.text.as_bytes()).as_bytes()
    }
}

/// Checks that the tables are those of this release.
pub(crate) async fn verify(connection: &mut PgConnection, tables: &Tables) -> Result<(), OpenError> {
    match missing(connection, tables).await? {
        None => Ok(()),
        Some(sql) => Err(OpenError::NotMigrated { sql }),
    }
}

/// Brings the tables to this release's version. Receivers that start together wait for the first of them.
pub(crate) async fn migrate(connection: &mut PgConnection, tables: &Tables) -> Result<(), OpenError> {
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    if let Some(schema) = tables.schema_name() {
        // Asked first: `IF NOT EXISTS` wants the right to create a schema even where there is one.
        let there: bool = sqlx::query_scalar("SELECT to_regnamespace(quote_ident($1)) IS NOT NULL")
            .bind(schema)
            .fetch_one(&mut *transaction)
            .await?;
        if !there {
            let create = format!("CREATE SCHEMA \"{schema}\"");
            sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut *transaction).await?;
        }
    }
    if let Some(sql) = missing(&mut transaction, tables).await? {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

/// The statements that are still to be run; `None` where all have been.
async fn missing(connection: &mut PgConnection, tables: &Tables) -> Result<Option<String>, OpenError> {
    let meta = tables.meta();
    let there: bool =
        sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(&meta).fetch_one(&mut *connection).await?;
    if !there {
        return Ok(Some(script(tables)));
    }
    let query = format!("SELECT version, checksum, compatible_from FROM {meta} ORDER BY version");
    let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(connection).await?;
    for (index, row) in rows.iter().enumerate() {
        let (version, checksum): (i32, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
        match MIGRATIONS.get(index) {
            Some(known) if usize::try_from(version) != Ok(index + 1) || checksum != known.checksum() => {
                return Err(OpenError::OtherTables { table: meta, version });
            }
            Some(_) => {}
            None => check_newer(version, row.try_get(2)?)?,
        }
    }
    Ok((rows.len() < MIGRATIONS.len()).then(|| script_from(tables, rows.len())))
}

/// Tables of a later release are usable as long as that release says so.
fn check_newer(found: i32, compatible_from: i32) -> Result<(), OpenError> {
    let known = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
    if compatible_from <= known { Ok(()) } else { Err(OpenError::Newer { found, known }) }
}
