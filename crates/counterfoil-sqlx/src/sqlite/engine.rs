//! Events settled inside a SQLite transaction.

use std::sync::Arc;

use counterfoil::idempotency::{Claim, Fence, Note};
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};

use super::records::standing;
use super::{micros, now, sql};
use crate::Tables;
use crate::engine::{Asked, Said, Statements};

impl Statements for Sqlite {
    const COMPLETE_IN: &'static str = sql::COMPLETE_IN;

    async fn complete_in(
        connection: &mut SqliteConnection,
        text: Arc<str>,
        fence: &Fence,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(AssertSqlSafe(text))
            .bind(fence.scope.as_i32())
            .bind(fence.key.as_bytes().to_vec())
            .bind(fence.token)
            .execute(connection)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn claim_in(
        connection: &mut SqliteConnection,
        tables: &Tables,
        Asked { delivery, retention }: &Asked<'_>,
    ) -> Result<Said, sqlx::Error> {
        let (scope, key) = (delivery.scope().as_i32(), delivery.key().as_bytes().to_vec());
        let fingerprint = delivery.fingerprint().as_bytes().to_vec();
        let now = now();
        let won = sqlx::query(AssertSqlSafe(tables.statement(sql::CLAIM_IN)))
            .bind(scope)
            .bind(key.clone())
            .bind(fingerprint.clone())
            .bind(now)
            .bind(micros(*retention))
            .bind(Note::from(*delivery).as_str().to_owned())
            .fetch_optional(&mut *connection)
            .await?;
        if won.is_some() {
            return Ok(Said::Won);
        }
        let look = sqlx::query(AssertSqlSafe(tables.statement(sql::LOOK)));
        let row = look.bind(scope).bind(key).bind(fingerprint).bind(now).fetch_one(connection).await?;
        Ok(match standing(&row)? {
            Claim::Duplicate(outcome) => Said::Duplicate(outcome),
            Claim::Conflict(outcome) => Said::Conflict(outcome),
            Claim::InFlight { retry_after } => Said::InFlight(retry_after),
            // Not among the answers of that statement.
            Claim::Won(_) => Said::InFlight(std::time::Duration::ZERO),
        })
    }
}
