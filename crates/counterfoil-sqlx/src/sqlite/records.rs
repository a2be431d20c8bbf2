//! The store's operations.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use counterfoil::idempotency::{
    Claim, ClaimRequest, Fence, Fenced, Fingerprint, IdempotencyKey, Lease, NonZeroDuration, Note, OnExpired, Outcome,
    Page, Record, Scope, State,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection, SqlitePool};

use super::{micros, now, sql};
use crate::Tables;
use crate::decode::{after, date, duration, fenced, fixed, state};
use crate::purging::Purging;

/// The statements' texts, and what is kept between operations.
pub(super) struct Records {
    claim: Arc<str>,
    park: Arc<str>,
    look: Arc<str>,
    settle: Arc<str>,
    extend: Arc<str>,
    purge: Arc<str>,
    forget: Arc<str>,
    get: Arc<str>,
    list: Arc<str>,
    /// Greater than every token that this process has handed out.
    token: AtomicI64,
    purging: Purging,
}

impl Records {
    pub(super) fn new(tables: &Tables) -> Self {
        let text = |text| Arc::from(tables.statement(text));
        Self {
            claim: text(sql::CLAIM),
            park: text(sql::PARK),
            look: text(sql::LOOK),
            settle: text(sql::SETTLE),
            extend: text(sql::EXTEND),
            purge: text(sql::PURGE),
            forget: text(sql::FORGET),
            get: text(sql::GET),
            list: text(sql::LIST),
            token: AtomicI64::new(0),
            purging: Purging::new(),
        }
    }

    pub(super) async fn claim(&self, pool: &SqlitePool, request: &ClaimRequest) -> Result<Claim, sqlx::Error> {
        let mut connection = pool.acquire().await?;
        let claim = self.claim_on(&mut connection, request).await?;
        if self.purging.take_turn()
            && let Err(error) = self.purge_on(&mut connection, Purging::ROWS).await
        {
            tracing::warn!(target: "counterfoil", %error, "expired events could not be purged");
        }
        Ok(claim)
    }

    async fn claim_on(&self, connection: &mut SqliteConnection, request: &ClaimRequest) -> Result<Claim, sqlx::Error> {
        let (scope, key) = (request.scope.as_i32(), request.key.as_bytes().as_slice());
        let fingerprint = request.fingerprint.as_bytes().as_slice();
        let park = request.on_expired == OnExpired::Park;
        let asked_at = Instant::now();
        let now = now();
        let won = sqlx::query(AssertSqlSafe(self.claim.clone()))
            .bind(scope)
            .bind(key)
            .bind(fingerprint)
            .bind(now)
            .bind(self.next_token(now))
            .bind(micros(request.lease_time))
            .bind(micros(request.retention))
            .bind(request.note.as_str())
            .bind(park)
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(row) = won {
            let fence =
                Fence { scope: request.scope, key: request.key, token: row.try_get(0)?, attempt: row.try_get(1)? };
            return Ok(Claim::Won(Lease::new(fence, asked_at, request.lease_time)));
        }
        if park {
            let park = sqlx::query(AssertSqlSafe(self.park.clone())).bind(scope).bind(key).bind(now);
            park.execute(&mut *connection).await?;
        }
        let look = sqlx::query(AssertSqlSafe(self.look.clone())).bind(scope).bind(key).bind(fingerprint).bind(now);
        look.fetch_optional(connection)
            .await?
            .map_or(Ok(Claim::InFlight { retry_after: Duration::ZERO }), |row| standing(&row))
    }

    pub(super) async fn settle(
        &self,
        pool: &SqlitePool,
        fence: Fence,
        state: State,
        reason: Option<&Note>,
    ) -> Result<Fenced, sqlx::Error> {
        let done = sqlx::query(AssertSqlSafe(self.settle.clone()))
            .bind(fence.scope.as_i32())
            .bind(fence.key.as_bytes().as_slice())
            .bind(fence.token)
            .bind(state.as_u8())
            .bind(reason.map(Note::as_str))
            .execute(pool)
            .await?;
        Ok(fenced(done.rows_affected()))
    }

    pub(super) async fn extend(
        &self,
        pool: &SqlitePool,
        fence: Fence,
        lease_time: NonZeroDuration,
    ) -> Result<Fenced, sqlx::Error> {
        let done = sqlx::query(AssertSqlSafe(self.extend.clone()))
            .bind(fence.scope.as_i32())
            .bind(fence.key.as_bytes().as_slice())
            .bind(fence.token)
            .bind(now())
            .bind(micros(lease_time))
            .execute(pool)
            .await?;
        Ok(fenced(done.rows_affected()))
    }

    pub(super) async fn purge(&self, pool: &SqlitePool, most: NonZeroU32) -> Result<u64, sqlx::Error> {
        self.purge_on(&mut *pool.acquire().await?, most).await
    }

    async fn purge_on(&self, connection: &mut SqliteConnection, most: NonZeroU32) -> Result<u64, sqlx::Error> {
        let purge = sqlx::query(AssertSqlSafe(self.purge.clone())).bind(now()).bind(most.get());
        Ok(purge.execute(connection).await?.rows_affected())
    }

    pub(super) async fn forget(
        &self,
        pool: &SqlitePool,
        scope: Scope,
        key: IdempotencyKey,
    ) -> Result<bool, sqlx::Error> {
        let (scope, key) = (scope.as_i32(), key.as_bytes().as_slice().to_vec());
        let forget = sqlx::query_scalar(AssertSqlSafe(self.forget.clone())).bind(scope).bind(key).bind(now());
        Ok(forget.fetch_optional(pool).await?.unwrap_or(false))
    }

    pub(super) async fn get(
        &self,
        pool: &SqlitePool,
        scope: Scope,
        key: IdempotencyKey,
    ) -> Result<Option<Record>, sqlx::Error> {
        let (scope, key) = (scope.as_i32(), key.as_bytes().as_slice().to_vec());
        let get = sqlx::query(AssertSqlSafe(self.get.clone())).bind(scope).bind(key).bind(now());
        get.fetch_optional(pool).await?.as_ref().map(record).transpose()
    }

    pub(super) async fn list(&self, pool: &SqlitePool, page: &Page) -> Result<Vec<Record>, sqlx::Error> {
        let (after_scope, after_key) = after(page);
        let rows = sqlx::query(AssertSqlSafe(self.list.clone()))
            .bind(page.state.map(State::as_u8))
            .bind(after_scope)
            .bind(after_key)
            .bind(now())
            .bind(page.most.get())
            .fetch_all(pool)
            .await?;
        rows.iter().map(record).collect()
    }

    /// A clock that is set back, or stands still, must not let a token repeat.
    fn next_token(&self, now: i64) -> i64 {
        let last = self.token.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)));
        last.map_or(now, |last| now.max(last + 1))
    }
}

/// What stands in the way of a claim.
fn standing(row: &SqliteRow) -> Result<Claim, sqlx::Error> {
    let outcome = match state(row.try_get(0)?)? {
        State::Ready | State::Claimed => return Ok(Claim::InFlight { retry_after: duration(row.try_get(2)?) }),
        State::Done => Outcome::Completed,
        State::Dead => Outcome::Dead,
    };
    Ok(if row.try_get(1)? { Claim::Duplicate(outcome) } else { Claim::Conflict(outcome) })
}

fn record(row: &SqliteRow) -> Result<Record, sqlx::Error> {
    let (note, reason): (String, Option<String>) = (row.try_get(9)?, row.try_get(10)?);
    Ok(Record {
        scope: Scope::from_i32(row.try_get(0)?),
        key: IdempotencyKey::from_bytes(fixed(row.try_get(1)?)?),
        fingerprint: Fingerprint::from_bytes(fixed(row.try_get(2)?)?),
        state: state(row.try_get(3)?)?,
        token: row.try_get(4)?,
        attempts: row.try_get(5)?,
        lease_left: duration(row.try_get(6)?),
        first_at: date(row.try_get(7)?),
        expires_at: date(row.try_get(8)?),
        note: Note::new(note),
        reason: reason.map(Note::new),
    })
}
