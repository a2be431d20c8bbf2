//! Events settled inside a SQLite transaction.

use std::sync::Arc;

use counterfoil::idempotency::{Note, State};
use sqlx::{AssertSqlSafe, Row as _, Sqlite, SqliteConnection};

use super::{micros, now, sql};
use crate::Tables;
use crate::decode::{duration, state};
use crate::engine::{Asked, Held, Said, Statements};

impl Statements for Sqlite {
    const COMPLETE_IN: &'static str = sql::COMPLETE_IN;

    /// SQLite ends a transaction by itself where the disk is full, or a statement says `OR ROLLBACK`. What is run after
    /// that is committed at once, alone. There is no asking, but a second `BEGIN` is refused.
    async fn is_open(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
        match sqlx::query("BEGIN").execute(connection).await {
            Ok(_) => Ok(false),
            Err(sqlx::Error::Database(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn complete(connection: &mut SqliteConnection, text: Arc<str>, held: Held) -> Result<bool, sqlx::Error> {
        let (scope, key, token) = held;
        let query = sqlx::query(AssertSqlSafe(text)).bind(scope.as_i32()).bind(key.as_bytes().to_vec()).bind(token);
        Ok(query.fetch_optional(connection).await?.is_some())
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
        if let Some(row) = won {
            return Ok(Said::Won(row.try_get(0)?));
        }
        let look = sqlx::query(AssertSqlSafe(tables.statement(sql::LOOK)));
        let row = look.bind(scope).bind(key).bind(fingerprint).bind(now).fetch_one(connection).await?;
        Ok(match (state(row.try_get(0)?)?, row.try_get(1)?) {
            (State::Ready | State::Claimed, _) => Said::InFlight(duration(row.try_get(2)?)),
            (State::Done, true) => Said::Duplicate,
            (State::Done, false) => Said::Conflict,
            (State::Dead, _) => Said::Dead,
        })
    }
}
