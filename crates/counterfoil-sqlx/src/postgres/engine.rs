//! Events settled inside a PostgreSQL transaction.

use std::sync::Arc;
use std::time::Duration;

use counterfoil::idempotency::{Fence, Note, Outcome};
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row as _};

use super::records::seconds;
use super::{millis, sql, text};
use crate::Tables;
use crate::engine::{Asked, Said, Statements};

/// The other transaction has the event for as long as its effects take.
const SOON: Duration = Duration::from_secs(1);

impl Statements for Postgres {
    const COMPLETE_IN: &'static str = sql::COMPLETE_IN;

    async fn complete_in(connection: &mut PgConnection, text: Arc<str>, fence: &Fence) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(AssertSqlSafe(text))
            .bind(fence.scope.as_i32())
            .bind(*fence.key.as_bytes())
            .bind(fence.token)
            .execute(connection)
            .await?;
        Ok(done.rows_affected() == 1)
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
        match answer {
            "won" => Ok(Said::Won),
            "duplicate" => Ok(Said::Duplicate(Outcome::Completed)),
            "conflict" => Ok(Said::Conflict(Outcome::Completed)),
            "dead" => Ok(Said::Duplicate(Outcome::Dead)),
            _ => Ok(Said::InFlight(busy.map_or(SOON, seconds))),
        }
    }
}
