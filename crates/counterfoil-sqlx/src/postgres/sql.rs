//! The statements, for programs that reach their database by another driver than sqlx.
//!
//! They name the tables by their default names; [`Tables::statement`](crate::Tables::statement) gives the text for other
//! names. Parameters are positional and typed by casts, so that any driver can bind them.
//!
//! To settle a claimed event together with its effects, run [`COMPLETE_IN`] as the last statement of the
//! transaction that holds them, and commit only if it changed one row. To claim inside the transaction, without a
//! store in the receiver, run [`CLAIM_IN`] first, go on only if it answers `won`, and run [`COMPLETE_IN`] last.
//!
//! ```
//! use counterfoil_sqlx::{Tables, postgres::sql};
//!
//! let tables = Tables::new().schema("webhooks")?;
//! assert!(tables.statement(sql::COMPLETE_IN).contains(r#""webhooks"."counterfoil_event""#));
//! # Ok::<(), counterfoil_sqlx::NameError>(())
//! ```

/// Completes a claimed event. Parameters: scope `int4`, key `bytea`, token `int8`. One row: completed; none:
/// the lease was lost, and the transaction must be rolled back.
///
/// PostgreSQL answers the COMMIT of a transaction in which a statement has failed without an error; this one then fails.
pub const COMPLETE_IN: &str = "
UPDATE counterfoil_event SET state = 2, reason = NULL
WHERE scope = $1::int4 AND key = $2::bytea AND token = $3::int8 AND state = 1
RETURNING 1";

/// Claims an event for the transaction that this runs in. Parameters: scope `int4`, key `bytea`, fingerprint `bytea`, retention
/// in milliseconds `float8`, note `text`.
///
/// Answers one row. `answer` is
/// - `won`: apply the effects and commit;
/// - `duplicate`: it was completed, answer 200; `conflict`: completed with another body;
/// - `dead`: it is never to be handled, answer 500;
/// - `busy`: answer 503; `busy_seconds` says how long a live lease still runs.
///
/// On anything but `won` roll back. `token` is that of the claim. Run [`COMPLETE_IN`] before the commit: until then the lease
/// has passed, so that a commit that came too early leaves an event which the next delivery handles.
///
/// It never waits for another transaction that holds the same event: that one has the advisory lock, and this answers
/// `busy` at once, so that a storm of duplicates does not use up a connection pool. What is settled is answered
/// without the lock, and without a write. Two events whose lock numbers collide make each other `busy`, no more. A row of
/// which the statement's snapshot knows nothing, because it was committed a moment ago, reads as `busy` too.
pub const CLAIM_IN: &str = "
WITH seen AS MATERIALIZED (
    SELECT state, fingerprint, lease_until, state >= 2 AND expires_at > clock_timestamp() AS settled,
           state = 1 AND lease_until > clock_timestamp() AS live
    FROM counterfoil_event WHERE scope = $1::int4 AND key = $2::bytea
), lock AS MATERIALIZED (
    SELECT CASE WHEN EXISTS (SELECT FROM seen WHERE settled OR live) THEN false
                ELSE pg_try_advisory_xact_lock(hashtextextended($1::text || encode($2, 'hex'), 7331)) END AS ours
), won AS (
    INSERT INTO counterfoil_event AS e
        (scope, key, fingerprint, state, token, attempts, lease_until, first_at, expires_at, note)
    SELECT $1, $2, $3::bytea, 1, (extract(epoch FROM clock_timestamp()) * 1000000)::int8, 1, clock_timestamp(),
           clock_timestamp(), clock_timestamp() + $4::float8 * interval '1 ms', $5::text
    FROM lock WHERE ours
    ON CONFLICT (scope, key) DO UPDATE SET
        state = 1,
        token = greatest(e.token + 1, excluded.token),
        attempts = CASE WHEN e.expires_at <= clock_timestamp() THEN 1 ELSE e.attempts + 1 END,
        first_at = CASE WHEN e.expires_at <= clock_timestamp() THEN clock_timestamp() ELSE e.first_at END,
        fingerprint = excluded.fingerprint,
        lease_until = excluded.lease_until,
        expires_at = greatest(e.expires_at, excluded.expires_at),
        note = excluded.note,
        reason = NULL
    WHERE e.state = 0
       OR (e.state = 1 AND e.lease_until <= clock_timestamp())
       OR (e.state >= 2 AND e.expires_at <= clock_timestamp())
    RETURNING token
)
SELECT CASE
           WHEN won.token IS NOT NULL THEN 'won'
           WHEN NOT s.settled OR s.settled IS NULL THEN 'busy'
           WHEN s.state = 3 THEN 'dead'
           WHEN s.fingerprint = $3 THEN 'duplicate'
           ELSE 'conflict'
       END AS answer,
       CASE WHEN s.live THEN greatest(0, extract(epoch FROM s.lease_until - clock_timestamp()))::float8 END
           AS busy_seconds,
       won.token
FROM lock LEFT JOIN won ON true LEFT JOIN seen s ON true";

/// Claims one event in one step, unless there is a row that may be claimed again: then it says so and leaves it to [`CLAIM`],
/// which asks more of the planner than an event that comes alone is worth. Parameters: scope, key, fingerprint, lease and
/// retention in milliseconds, note. Answers a token where the event was won. No row in the answer: as there.
pub(crate) const CLAIM_NEW: &str = "
WITH made AS (
    INSERT INTO counterfoil_event
        (scope, key, fingerprint, state, token, attempts, lease_until, first_at, expires_at, note)
    VALUES ($1, $2, $3, 1, (extract(epoch FROM clock_timestamp()) * 1000000)::int8, 1,
            clock_timestamp() + $4::float8 * interval '1 ms', clock_timestamp(),
            clock_timestamp() + $5::float8 * interval '1 ms', $6)
    ON CONFLICT DO NOTHING
    RETURNING token
)
SELECT token, NULL::int2 AS state, NULL::bytea AS fingerprint, NULL::float8 AS busy_seconds, NULL::bool AS claimable
FROM made
UNION ALL
SELECT NULL, state, fingerprint, greatest(0, extract(epoch FROM lease_until - clock_timestamp()))::float8,
       state = 0 OR (state = 1 AND lease_until <= clock_timestamp()) OR (state >= 2 AND expires_at <= clock_timestamp())
FROM counterfoil_event WHERE scope = $1 AND key = $2 AND NOT EXISTS (SELECT FROM made)";

/// Claims many events in one step. Parameters, as arrays of one length: scope, key, fingerprint, lease and retention in
/// milliseconds, whether a passed lease parks the event, note. No event may occur twice.
///
/// One probe per event decides: what is not there is inserted, what is claimable is locked and taken, the rest is
/// answered without a lock or a write. Inserting in the order of the key keeps two batches from waiting for each
/// other in a circle; a claimable row that somebody else holds is passed over instead of waited for. An event without a
/// row in the answer is one that another transaction committed after this snapshot.
pub(crate) const CLAIM: &str = "
WITH seen AS MATERIALIZED (
    SELECT a.scope, a.key, a.fingerprint, a.lease, a.retention, a.park, a.note,
           e.state, e.fingerprint AS known, e.lease_until,
           e.state = 0 OR (e.state = 1 AND e.lease_until <= clock_timestamp())
               OR (e.state >= 2 AND e.expires_at <= clock_timestamp()) AS claimable
    FROM unnest($1::int4[], $2::bytea[], $3::bytea[], $4::float8[], $5::float8[], $6::bool[], $7::text[])
        AS a (scope, key, fingerprint, lease, retention, park, note)
    LEFT JOIN counterfoil_event e ON e.scope = a.scope AND e.key = a.key
), made AS (
    INSERT INTO counterfoil_event
        (scope, key, fingerprint, state, token, attempts, lease_until, first_at, expires_at, note)
    SELECT scope, key, fingerprint, 1, (extract(epoch FROM clock_timestamp()) * 1000000)::int8, 1,
           clock_timestamp() + lease * interval '1 ms', clock_timestamp(),
           clock_timestamp() + retention * interval '1 ms', note
    FROM seen WHERE state IS NULL ORDER BY scope, key
    ON CONFLICT DO NOTHING
    RETURNING scope, key, token
), held AS MATERIALIZED (
    SELECT s.*, e.expires_at <= clock_timestamp() AS over,
           s.park AND e.state = 1 AND e.expires_at > clock_timestamp() AS parked
    FROM seen s JOIN counterfoil_event e ON e.scope = s.scope AND e.key = s.key
    WHERE s.claimable
      AND (e.state = 0 OR (e.state = 1 AND e.lease_until <= clock_timestamp())
           OR (e.state >= 2 AND e.expires_at <= clock_timestamp()))
    FOR UPDATE OF e SKIP LOCKED
), taken AS (
    UPDATE counterfoil_event e SET
        state = CASE WHEN h.parked THEN 3 ELSE 1 END,
        reason = CASE WHEN h.parked THEN 'outcome unknown' END,
        token = CASE WHEN h.parked THEN e.token
                     ELSE greatest(e.token + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::int8) END,
        attempts = CASE WHEN h.parked THEN e.attempts WHEN h.over THEN 1 ELSE e.attempts + 1 END,
        first_at = CASE WHEN h.over THEN clock_timestamp() ELSE e.first_at END,
        fingerprint = CASE WHEN h.parked THEN e.fingerprint ELSE h.fingerprint END,
        lease_until = CASE WHEN h.parked THEN e.lease_until ELSE clock_timestamp() + h.lease * interval '1 ms' END,
        expires_at = CASE WHEN h.parked THEN e.expires_at
                          ELSE greatest(e.expires_at, clock_timestamp() + h.retention * interval '1 ms') END,
        note = CASE WHEN h.parked THEN e.note ELSE h.note END
    FROM held h WHERE e.scope = h.scope AND e.key = h.key
    RETURNING e.scope, e.key, e.state, e.token, e.attempts, e.fingerprint
)
SELECT scope, key, true AS won, 1::int2 AS state, token, 1 AS attempts, NULL::bytea AS fingerprint, 0::float8 AS busy_seconds
FROM made
UNION ALL
SELECT scope, key, state = 1, state, token, attempts, fingerprint, 0 FROM taken
UNION ALL
SELECT scope, key, false, state, 0, 0, known, greatest(0, extract(epoch FROM lease_until - clock_timestamp()))::float8
FROM seen WHERE NOT claimable";

/// Settles many claimed events: 0 released, 2 completed, 3 dead. Parameters, as arrays of one length: scope, key, token,
/// state, reason. No event may occur twice under one token. Answers the events that were settled, and all that were claimed
/// under their token when the statement began: one of these that was not settled is held by another transaction, and was
/// passed over instead of waited for.
pub(crate) const SETTLE: &str = "
WITH held AS MATERIALIZED (
    SELECT a.scope, a.key, a.state, a.reason
    FROM unnest($1::int4[], $2::bytea[], $3::int8[], $4::int2[], $5::text[]) AS a (scope, key, token, state, reason)
    JOIN counterfoil_event e ON e.scope = a.scope AND e.key = a.key AND e.token = a.token AND e.state = 1
    FOR UPDATE OF e SKIP LOCKED
), settled AS (
    UPDATE counterfoil_event e SET state = h.state, reason = h.reason
    FROM held h WHERE e.scope = h.scope AND e.key = h.key
    RETURNING e.scope, e.key, e.token
)
SELECT scope, key, token, true AS settled FROM settled
UNION ALL
SELECT e.scope, e.key, e.token, false
FROM unnest($1, $2, $3) AS a (scope, key, token)
JOIN counterfoil_event e ON e.scope = a.scope AND e.key = a.key AND e.token = a.token AND e.state = 1";

pub(crate) const EXTEND: &str = "
UPDATE counterfoil_event SET lease_until = clock_timestamp() + $4::float8 * interval '1 ms'
WHERE scope = $1 AND key = $2 AND token = $3 AND state = 1 AND lease_until > clock_timestamp()";

/// Safe beside other purgers, and never in the way of a row that is in use.
pub(crate) const PURGE: &str = "
WITH expired AS MATERIALIZED (
    SELECT ctid FROM counterfoil_event
    WHERE expires_at <= clock_timestamp() AND (state <> 1 OR lease_until <= clock_timestamp())
    ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
DELETE FROM counterfoil_event e USING expired WHERE e.ctid = expired.ctid";

pub(crate) const FORGET: &str = "
DELETE FROM counterfoil_event WHERE scope = $1 AND key = $2
RETURNING expires_at > clock_timestamp() OR (state = 1 AND lease_until > clock_timestamp())";

pub(crate) const GET: &str = "
SELECT scope, key, fingerprint, state, token, attempts,
       CASE WHEN state = 1 THEN greatest(0, extract(epoch FROM lease_until - clock_timestamp()))::float8 ELSE 0 END,
       (extract(epoch FROM first_at) * 1000000)::int8, (extract(epoch FROM expires_at) * 1000000)::int8, note, reason
FROM counterfoil_event
WHERE scope = $1 AND key = $2
  AND (expires_at > clock_timestamp() OR (state = 1 AND lease_until > clock_timestamp()))";

pub(crate) const LIST: &str = "
SELECT scope, key, fingerprint, state, token, attempts,
       CASE WHEN state = 1 THEN greatest(0, extract(epoch FROM lease_until - clock_timestamp()))::float8 ELSE 0 END,
       (extract(epoch FROM first_at) * 1000000)::int8, (extract(epoch FROM expires_at) * 1000000)::int8, note, reason
FROM counterfoil_event
WHERE ($1::int2 IS NULL OR state = $1)
  AND (scope, key) > ($2::int4, $3::bytea)
  AND (expires_at > clock_timestamp() OR (state = 1 AND lease_until > clock_timestamp()))
ORDER BY scope, key LIMIT $4";
