//! The store's statements. Each runs inside the writer's transaction.

use std::num::NonZeroU32;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use counterfoil::idempotency::{
    Claim, ClaimRequest, Fence, Fenced, Fingerprint, IdempotencyKey, Lease, NonZeroDuration, Note, OnExpired, Outcome,
    Page, Record, Scope, State,
};
use counterfoil::{Clock, SystemClock};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

/// One statement's view of the transaction: the connection, and the time at which it runs.
pub(crate) struct Step<'c> {
    pub(crate) connection: &'c Connection,
    /// From before `now` was read, so that a holder never believes in a longer lease than the store.
    pub(crate) asked_at: Instant,
    /// Microseconds since 1970, by the clock of the one machine that a SQLite file lives on.
    pub(crate) now: i64,
    /// Greater than every token that this process has handed out.
    pub(crate) token: i64,
}

const CLAIM: &str = "
INSERT INTO event AS e (scope, key, fingerprint, state, token, attempts, lease_until, first_at, expires_at, note)
VALUES (:scope, :key, :fingerprint, 1, :token, 1, :now + :lease, :now, :now + :retention, :note)
ON CONFLICT (scope, key) DO UPDATE SET
    state = 1,
    token = max(e.token + 1, excluded.token),
    attempts = iif(e.expires_at <= :now, 1, e.attempts + 1),
    first_at = iif(e.expires_at <= :now, :now, e.first_at),
    fingerprint = excluded.fingerprint,
    lease_until = excluded.lease_until,
    expires_at = max(e.expires_at, excluded.expires_at),
    note = excluded.note,
    reason = NULL
WHERE e.state = 0
   OR (e.state = 1 AND e.lease_until <= :now AND (NOT :park OR e.expires_at <= :now))
   OR (e.state >= 2 AND e.expires_at <= :now)
RETURNING token, attempts";

const PARK: &str = "
UPDATE event SET state = 3, reason = 'outcome unknown'
WHERE scope = :scope AND key = :key AND state = 1 AND lease_until <= :now";

const LOOK: &str = "
SELECT state, fingerprint = :fingerprint, iif(state = 1, max(0, lease_until - :now), 0) FROM event WHERE scope = :scope AND key = :key";

const SETTLE: &str = "
UPDATE event SET state = :state, reason = :reason
WHERE scope = :scope AND key = :key AND token = :token AND state = 1";

const EXTEND: &str = "
UPDATE event SET lease_until = :until
WHERE scope = :scope AND key = :key AND token = :token AND state = 1 AND lease_until > :now";

const PURGE: &str = "
DELETE FROM event WHERE (scope, key) IN (
    SELECT scope, key FROM event
    WHERE expires_at <= :now AND (state <> 1 OR lease_until <= :now) ORDER BY expires_at LIMIT :most)";

const FORGET: &str = "
DELETE FROM event WHERE scope = :scope AND key = :key
RETURNING expires_at > :now OR (state = 1 AND lease_until > :now)";

const GET: &str = "
SELECT scope, key, fingerprint, state, token, attempts, iif(state = 1, max(0, lease_until - :now), 0), first_at,
       expires_at, note, reason
FROM event
WHERE scope = :scope AND key = :key AND (expires_at > :now OR (state = 1 AND lease_until > :now))";

const LIST: &str = "
SELECT scope, key, fingerprint, state, token, attempts, iif(state = 1, max(0, lease_until - :now), 0), first_at,
       expires_at, note, reason
FROM event
WHERE (:state IS NULL OR state = :state)
  AND (expires_at > :now OR (state = 1 AND lease_until > :now))
  AND (scope, key) > (:after_scope, :after_key)
ORDER BY scope, key LIMIT :most";

pub(crate) fn claim(step: &Step<'_>, request: &ClaimRequest) -> rusqlite::Result<Claim> {
    let (scope, key) = (request.scope.as_i32(), request.key.as_bytes());
    let park = request.on_expired == OnExpired::Park;
    let mut statement = step.connection.prepare_cached(CLAIM)?;
    let won = statement.query_row(
        named_params! {
            ":scope": scope, ":key": key, ":fingerprint": request.fingerprint.as_bytes(), ":token": step.token,
            ":now": step.now, ":lease": micros(request.lease_time), ":retention": micros(request.retention),
            ":note": request.note.as_str(), ":park": park,
        },
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    if let Some((token, attempt)) = won.optional()? {
        let fence = Fence { scope: request.scope, key: request.key, token, attempt };
        return Ok(Claim::Won(Lease::new(fence, step.asked_at, request.lease_time)));
    }
    if park {
        let parameters = named_params! { ":scope": scope, ":key": key, ":now": step.now };
        step.connection.prepare_cached(PARK)?.execute(parameters)?;
    }
    let mut statement = step.connection.prepare_cached(LOOK)?;
    statement.query_row(
        named_params! {
            ":scope": scope, ":key": key, ":fingerprint": request.fingerprint.as_bytes(), ":now": step.now,
        },
        |row| {
            let outcome = match state(row.get(0)?)? {
                State::Ready | State::Claimed => return Ok(Claim::InFlight { retry_after: duration(row.get(2)?) }),
                State::Done => Outcome::Completed,
                State::Dead => Outcome::Dead,
            };
            Ok(if row.get(1)? { Claim::Duplicate(outcome) } else { Claim::Conflict(outcome) })
        },
    )
}

pub(crate) fn complete(step: &Step<'_>, fence: &Fence) -> rusqlite::Result<Fenced> {
    settle(step, fence, State::Done, None)
}

pub(crate) fn dead(step: &Step<'_>, fence: &Fence, reason: &Note) -> rusqlite::Result<Fenced> {
    settle(step, fence, State::Dead, Some(reason.as_str()))
}

pub(crate) fn release(step: &Step<'_>, fence: &Fence) -> rusqlite::Result<Fenced> {
    settle(step, fence, State::Ready, None)
}

fn settle(step: &Step<'_>, fence: &Fence, state: State, reason: Option<&str>) -> rusqlite::Result<Fenced> {
    let changed = step.connection.prepare_cached(SETTLE)?.execute(named_params! {
        ":scope": fence.scope.as_i32(), ":key": fence.key.as_bytes(), ":token": fence.token,
        ":state": state.as_u8(), ":reason": reason,
    })?;
    Ok(fenced(changed))
}

pub(crate) fn extend(step: &Step<'_>, fence: &Fence, lease_time: NonZeroDuration) -> rusqlite::Result<Fenced> {
    let changed = step.connection.prepare_cached(EXTEND)?.execute(named_params! {
        ":scope": fence.scope.as_i32(), ":key": fence.key.as_bytes(), ":token": fence.token,
        ":until": step.now.saturating_add(micros(lease_time)), ":now": step.now,
    })?;
    Ok(fenced(changed))
}

pub(crate) fn purge(step: &Step<'_>, most: NonZeroU32) -> rusqlite::Result<u64> {
    let parameters = named_params! { ":now": step.now, ":most": most.get() };
    let removed = step.connection.prepare_cached(PURGE)?.execute(parameters)?;
    Ok(u64::try_from(removed).unwrap_or(u64::MAX))
}

pub(crate) fn forget(step: &Step<'_>, scope: Scope, key: IdempotencyKey) -> rusqlite::Result<bool> {
    let parameters = named_params! { ":scope": scope.as_i32(), ":key": key.as_bytes(), ":now": step.now };
    let live = step.connection.prepare_cached(FORGET)?.query_row(parameters, |row| row.get(0)).optional()?;
    Ok(live.unwrap_or(false))
}

pub(crate) fn get(step: &Step<'_>, scope: Scope, key: IdempotencyKey) -> rusqlite::Result<Option<Record>> {
    let parameters = named_params! { ":scope": scope.as_i32(), ":key": key.as_bytes(), ":now": step.now };
    step.connection.prepare_cached(GET)?.query_row(parameters, record).optional()
}

pub(crate) fn list(step: &Step<'_>, page: &Page) -> rusqlite::Result<Vec<Record>> {
    let mut statement = step.connection.prepare_cached(LIST)?;
    let rows = statement.query_map(
        named_params! {
            ":state": page.state.map(State::as_u8), ":now": step.now, ":most": page.most.get(),
            // Before every row there is: a comparison alone lets SQLite begin where the page does.
            ":after_scope": page.after.map_or(i32::MIN, |(scope, _)| scope.as_i32()),
            ":after_key": page.after.as_ref().map_or(&[][..], |(_, key)| key.as_bytes()),
        },
        record,
    )?;
    rows.collect()
}

impl<'c> Step<'c> {
    /// A step of `connection` now, its token greater than `token`.
    pub(crate) fn after(connection: &'c Connection, token: i64) -> Self {
        let asked_at = Instant::now();
        let now = now();
        Self { connection, asked_at, now, token: now.max(token + 1) }
    }
}

/// Microseconds since 1970 by the machine's clock.
fn now() -> i64 {
    let since = SystemClock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        scope: Scope::from_i32(row.get(0)?),
        key: IdempotencyKey::from_bytes(row.get(1)?),
        fingerprint: Fingerprint::from_bytes(row.get(2)?),
        state: state(row.get(3)?)?,
        token: row.get(4)?,
        attempts: row.get(5)?,
        lease_left: duration(row.get(6)?),
        first_at: date(row.get(7)?),
        expires_at: date(row.get(8)?),
        note: Note::new(row.get::<_, String>(9)?),
        reason: row.get::<_, Option<String>>(10)?.map(Note::new),
    })
}

fn state(number: u8) -> rusqlite::Result<State> {
    State::from_u8(number).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, i64::from(number)))
}

fn fenced(changed: usize) -> Fenced {
    if changed == 1 { Fenced::Applied } else { Fenced::Lost }
}

/// Bounded well below the range of the column, so that adding it to any time cannot overflow.
fn micros(duration: NonZeroDuration) -> i64 {
    duration.as_millis().saturating_mul(1000).min(i64::MAX / 4)
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

fn date(micros: i64) -> SystemTime {
    UNIX_EPOCH.checked_add(duration(micros)).unwrap_or(UNIX_EPOCH)
}
