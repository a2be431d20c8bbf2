//! Events settled inside a PostgreSQL transaction.

use std::sync::Arc;
use std::time::Duration;

use counterfoil::idempotency::Note;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row as _};

use super::records::seconds;
use super::{millis, sql, text};
use crate::Tables;
use crate::engine::{Asked, Held, Said, Statements};

/// The other transaction has the event for as long as its effects take.
const SOON: Duration = Duration::from_secs(1);

impl Statements for Postgres {
    const COMPLETE_IN: &'static str = sql::COMPLETE_IN;

    /// PostgreSQL keeps a transaction in which a statement has failed, and refuses the next one.
    async fn is_open(_: &mut PgConnection) -> Result<bool, sqlx::Error> {
        Ok(true)
    }

    async fn complete(connection: &mut PgConnection, text: Arc<str>, held: Held) -> Result<bool, sqlx::Error> {
        let (scope, key, token) = held;
        let query = sqlx::query(AssertSqlSafe(text)).bind(scope.as_i32()).bind(*key.as_bytes()).bind(token);
        Ok(query.fetch_optional(connection).await?.is_some())
    }

    async fn claim_in(
        connection: &mut PgConnection,
        tables: &Tables,
        Asked { delivery, retention }: &Asked<'_>,
    ) -> Result<Said, sqlx::Error> {
        let row = sqlx::query(AssertSqlSafe(tables.statement(sql::CLAIM_IN)))
            .bind(delivery.scope().as_i32())
            .bind(*delivery.key().as_bytes())
            .bind(*delivery.fingerprint().as_bytes())
            .bind(millis(*retention))
            .bind(text(&Note::from(*delivery)))
            .fetch_one(connection)
            .await?;
        let (answer, busy): (&str, Option<f64>) = (row.try_get(0)?, row.try_get(1)?);
        Ok(match answer {
            "won" => Said::Won(row.try_get(2)?),
            "duplicate" => Said::Duplicate,
            "conflict" => Said::Conflict,
            "dead" => Said::Dead,
            _ => Said::InFlight(busy.map_or(SOON, seconds)),
        })
    }
}
