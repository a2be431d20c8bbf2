//! The operations that are not batched: each is one statement.

use std::num::NonZeroU32;
use std::time::Duration;

use counterfoil::idempotency::{
    Fence, Fenced, Fingerprint, IdempotencyKey, NonZeroDuration, Note, Page, Record, Scope,
};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row as _};
use tokio::time::timeout;

use super::line::{Line, PATIENCE};
use super::{SharedText, millis, sql};
use crate::Tables;
use crate::decode::{after, date, fenced, fixed, state};
use crate::error::{Failure, Stage};

/// Asks for one operation at a time.
pub(super) struct Records {
    extend: SharedText,
    purge: SharedText,
    forget: SharedText,
    get: SharedText,
    list: SharedText,
}

impl Records {
    pub(super) fn new(tables: &Tables) -> Self {
        let text = |text| SharedText::from(tables.statement(text));
        Self {
            extend: text(sql::EXTEND),
            purge: text(sql::PURGE),
            forget: text(sql::FORGET),
            get: text(sql::GET),
            list: text(sql::LIST),
        }
    }

    pub(super) async fn extend(
        &self,
        line: &mut Line,
        fence: Fence,
        lease_time: NonZeroDuration,
    ) -> Result<Fenced, Failure> {
        let extend = sqlx::query(AssertSqlSafe(self.extend.clone()))
            .bind(fence.scope.as_i32())
            .bind(*fence.key.as_bytes())
            .bind(fence.token)
            .bind(millis(lease_time));
        let connection = line.connect().await?;
        let done = timeout(PATIENCE, extend.execute(connection)).await;
        Ok(fenced(line.answered(Stage::Write, done)?.rows_affected()))
    }

    pub(super) async fn purge(&self, line: &mut Line, most: NonZeroU32) -> Result<u64, Failure> {
        let purge = sqlx::query(AssertSqlSafe(self.purge.clone())).bind(i64::from(most.get()));
        let connection = line.connect().await?;
        let done = timeout(PATIENCE, purge.execute(connection)).await;
        Ok(line.answered(Stage::Write, done)?.rows_affected())
    }

    pub(super) async fn forget(&self, line: &mut Line, scope: Scope, key: IdempotencyKey) -> Result<bool, Failure> {
        let forget = sqlx::query_scalar(AssertSqlSafe(self.forget.clone())).bind(scope.as_i32()).bind(*key.as_bytes());
        let connection = line.connect().await?;
        let was_live = timeout(PATIENCE, forget.fetch_optional(connection)).await;
        Ok(line.answered(Stage::Write, was_live)?.unwrap_or(false))
    }

    pub(super) async fn get(
        &self,
        line: &mut Line,
        scope: Scope,
        key: IdempotencyKey,
    ) -> Result<Option<Record>, Failure> {
        let get = sqlx::query(AssertSqlSafe(self.get.clone())).bind(scope.as_i32()).bind(*key.as_bytes());
        let connection = line.connect().await?;
        let row = timeout(PATIENCE, get.fetch_optional(connection)).await;
        let row = line.answered(Stage::Read, row)?;
        row.as_ref().map(record).transpose().map_err(|error| Failure::new(error, Stage::Read))
    }

    pub(super) async fn list(&self, line: &mut Line, page: &Page) -> Result<Vec<Record>, Failure> {
        let (after_scope, after_key) = after(page);
        let list = sqlx::query(AssertSqlSafe(self.list.clone()))
            .bind(page.state.map(|state| i16::from(state.as_u8())))
            .bind(after_scope)
            .bind(after_key)
            .bind(i64::from(page.most.get()));
        let connection = line.connect().await?;
        let rows = timeout(PATIENCE, list.fetch_all(connection)).await;
        let rows = line.answered(Stage::Read, rows)?;
        rows.iter().map(record).collect::<Result<_, _>>().map_err(|error| Failure::new(error, Stage::Read))
    }
}

fn record(row: &PgRow) -> Result<Record, sqlx::Error> {
    let attempts: i32 = row.try_get(5)?;
    let (note, reason): (String, Option<String>) = (row.try_get(9)?, row.try_get(10)?);
    Ok(Record {
        scope: Scope::from_i32(row.try_get(0)?),
        key: IdempotencyKey::from_bytes(fixed(row.try_get(1)?)?),
        fingerprint: Fingerprint::from_bytes(fixed(row.try_get(2)?)?),
        state: state(row.try_get(3)?)?,
        token: row.try_get(4)?,
        attempts: u32::try_from(attempts).map_err(|error| sqlx::Error::Decode(error.into()))?,
        lease_left: seconds(row.try_get(6)?),
        first_at: date(row.try_get(7)?),
        expires_at: date(row.try_get(8)?),
        note: Note::new(note),
        reason: reason.map(Note::new),
    })
}

/// What the database gives as a float of seconds, never negative.
pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
}
