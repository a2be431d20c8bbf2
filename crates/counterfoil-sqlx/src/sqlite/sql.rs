//! The statements, for programs that reach their database by another driver than sqlx.
//!
//! Parameters are positional; times are microseconds since 1970, by the clock of the machine that the file lies on.
//! Begin the transaction with `BEGIN IMMEDIATE`: one that reads first cannot be upgraded while another writes.
//!
//! SQLite ends a transaction by itself where the disk is full or a statement says `OR ROLLBACK`. What is run after that is
//! committed at once, alone: make sure that there still is a transaction before [`COMPLETE_IN`], by a `BEGIN` that must fail.

/// Completes a claimed event. Parameters: scope, key, token. One row: completed; none: the lease was lost, and the
/// transaction must be rolled back.
pub const COMPLETE_IN: &str = "
UPDATE counterfoil_event SET state = 2, reason = NULL WHERE scope = ?1 AND key = ?2 AND token = ?3 AND state = 1
RETURNING 1";

/// Claims an event for the transaction that this runs in. Parameters: scope, key, fingerprint, now, retention in microseconds,
/// note. A row, with the claim's token: it is the transaction's; run [`COMPLETE_IN`] before the commit. None: ask [`LOOK`], and
/// roll back.
pub const CLAIM_IN: &str = "
INSERT INTO counterfoil_event AS e
    (scope, key, fingerprint, state, token, attempts, lease_until, first_at, expires_at, note)
VALUES (?1, ?2, ?3, 1, ?4, 1, ?4, ?4, ?4 + ?5, ?6)
ON CONFLICT (scope, key) DO UPDATE SET
    state = 1,
    token = max(e.token + 1, excluded.token),
    attempts = iif(e.expires_at <= ?4, 1, e.attempts + 1),
    first_at = iif(e.expires_at <= ?4, ?4, e.first_at),
    fingerprint = excluded.fingerprint,
    lease_until = excluded.lease_until,
    expires_at = max(e.expires_at, excluded.expires_at),
    note = excluded.note,
    reason = NULL
WHERE e.state = 0 OR (e.state = 1 AND e.lease_until <= ?4) OR (e.state >= 2 AND e.expires_at <= ?4)
RETURNING token";

/// What stands in the way of a claim. Parameters: scope, key, fingerprint, now. Answers the state (1 claimed, 2 completed,
/// 3 dead), whether the body is the same, and how long the lease still runs.
pub const LOOK: &str = "
SELECT state, fingerprint = ?3, iif(state = 1, max(0, lease_until - ?4), 0) FROM counterfoil_event WHERE scope = ?1 AND key = ?2";

pub(crate) const CLAIM: &str = "
INSERT INTO counterfoil_event AS e
    (scope, key, fingerprint, state, token, attempts, lease_until, first_at, expires_at, note)
VALUES (?1, ?2, ?3, 1, ?5, 1, ?4 + ?6, ?4, ?4 + ?7, ?8)
ON CONFLICT (scope, key) DO UPDATE SET
    state = 1,
    token = max(e.token + 1, excluded.token),
    attempts = iif(e.expires_at <= ?4, 1, e.attempts + 1),
    first_at = iif(e.expires_at <= ?4, ?4, e.first_at),
    fingerprint = excluded.fingerprint,
    lease_until = excluded.lease_until,
    expires_at = max(e.expires_at, excluded.expires_at),
    note = excluded.note,
    reason = NULL
WHERE e.state = 0
   OR (e.state = 1 AND e.lease_until <= ?4 AND (NOT ?9 OR e.expires_at <= ?4))
   OR (e.state >= 2 AND e.expires_at <= ?4)
RETURNING token, attempts";

pub(crate) const PARK: &str = "
UPDATE counterfoil_event SET state = 3, reason = 'outcome unknown'
WHERE scope = ?1 AND key = ?2 AND state = 1 AND lease_until <= ?3";

pub(crate) const SETTLE: &str = "
UPDATE counterfoil_event SET state = ?4, reason = ?5 WHERE scope = ?1 AND key = ?2 AND token = ?3 AND state = 1";

pub(crate) const EXTEND: &str = "
UPDATE counterfoil_event SET lease_until = ?4 + ?5
WHERE scope = ?1 AND key = ?2 AND token = ?3 AND state = 1 AND lease_until > ?4";

pub(crate) const PURGE: &str = "
DELETE FROM counterfoil_event WHERE (scope, key) IN (
    SELECT scope, key FROM counterfoil_event
    WHERE expires_at <= ?1 AND (state <> 1 OR lease_until <= ?1) ORDER BY expires_at LIMIT ?2)";

pub(crate) const FORGET: &str = "
DELETE FROM counterfoil_event WHERE scope = ?1 AND key = ?2
RETURNING expires_at > ?3 OR (state = 1 AND lease_until > ?3)";

pub(crate) const GET: &str = "
SELECT scope, key, fingerprint, state, token, attempts, iif(state = 1, max(0, lease_until - ?3), 0), first_at,
       expires_at, note, reason
FROM counterfoil_event
WHERE scope = ?1 AND key = ?2 AND (expires_at > ?3 OR (state = 1 AND lease_until > ?3))";

pub(crate) const LIST: &str = "
SELECT scope, key, fingerprint, state, token, attempts, iif(state = 1, max(0, lease_until - ?4), 0), first_at,
       expires_at, note, reason
FROM counterfoil_event
WHERE (?1 IS NULL OR state = ?1)
  AND (scope, key) > (?2, ?3)
  AND (expires_at > ?4 OR (state = 1 AND lease_until > ?4))
ORDER BY scope, key LIMIT ?5";
