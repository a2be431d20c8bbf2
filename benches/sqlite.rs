//! The SQLite store under 64 concurrent callers, beside the same statements in a bare loop.
//!
//! An operation is a claim or a completion of a new event; what is counted are pairs of the two. The bare
//! loops run on one connection of the store's own making: same file system, same schema, same settings, same
//! statements, prepared once. They know in advance what comes, ask nobody and answer nobody. Every contender
//! begins every round with a new file.

use std::path::Path;
use std::time::{Instant, UNIX_EPOCH};

use counterfoil::idempotency::{Claim, ClaimRequest, Fenced, Store as _};
use counterfoil::{Clock, SystemClock};
use counterfoil_benches::claims::{Requests, request};
use counterfoil_benches::markdown::count;
use counterfoil_benches::{Aim, BoxError, Contest, Extent, Sheet, Unit};
use counterfoil_sqlite::SqliteStore;
use rusqlite::{Connection, Statement, TransactionBehavior, params};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Callers at a time, and operations in one transaction of the bare loop.
const CONCURRENT: usize = 64;

const GROUPED: &str = "bare loop, 64 operations a transaction";
const STORE: &str = "SqliteStore, 64 concurrent callers";
const SINGLE: &str = "bare loop, 1 operation a transaction";

/// The store's own statements. That they still are is checked before the first round.
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

const SETTLE: &str = "
UPDATE event SET state = :state, reason = :reason
WHERE scope = :scope AND key = :key AND token = :token AND state = 1";

fn main() -> Result<(), BoxError> {
    let source = include_str!("../crates/counterfoil-sqlite/src/statements.rs");
    assert!(source.contains(CLAIM) && source.contains(SETTLE), "the store's statements have changed: copy them here");
    let extent = Extent::from_args();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let pairs = extent.pick(4096, CONCURRENT);
    let requests: Vec<ClaimRequest> = (0..pairs).map(request).collect::<Result<_, _>>()?;
    // Beside the build, because `/tmp` may be memory.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let contest =
        Contest::new(format!("SQLite, {} pairs of claim and completion, pairs a second", count(pairs)), Unit::Rate)
            .enter(GROUPED, || bare(&folder, &requests, CONCURRENT))
            .ours(STORE, || store(&runtime, &folder, pairs))
            // An eighth of the pairs: each costs two syncs.
            .enter(SINGLE, || bare(&folder, &requests[..pairs / 8], 1))
            .aim(STORE, Aim::AtLeast(0.8), GROUPED)
            .compare(STORE, SINGLE);
    let mut sheet = Sheet::new(extent);
    sheet.software("SQLite", rusqlite::version());
    sheet.contest(contest.run(extent, 51)?)?;
    sheet.finish()
}

/// The file of one round, removed with its log at the end.
fn file(folder: &TempDir) -> Result<TempDir, BoxError> {
    Ok(tempfile::tempdir_in(folder.path())?)
}

fn store(runtime: &Runtime, folder: &TempDir, pairs: usize) -> Result<f64, BoxError> {
    let file = file(folder)?;
    let store = SqliteStore::open(file.path().join("store.db"))?;
    Requests::of(0..pairs)?.race(runtime, CONCURRENT, |requests| call(store.clone(), requests))
}

async fn call(store: SqliteStore, requests: Requests) -> Result<(), BoxError> {
    while let Some(request) = requests.take() {
        let Claim::Won(lease) = store.claim(request).await? else { return Err("a new event is won".into()) };
        if lease.complete(&store).await? != Fenced::Applied {
            return Err("a live lease completes".into());
        }
    }
    Ok(())
}

fn bare(folder: &TempDir, requests: &[ClaimRequest], group: usize) -> Result<f64, BoxError> {
    let file = file(folder)?;
    let mut connection = connect(&file.path().join("store.db"))?;
    let started = Instant::now();
    for group in requests.chunks(group) {
        let claims = |claim: &mut Statement<'_>| group.iter().map(|request| win(claim, request)).collect();
        let tokens: Vec<i64> = transact(&mut connection, CLAIM, claims)?;
        transact(&mut connection, SETTLE, |settle| {
            group.iter().zip(&tokens).try_for_each(|(request, token)| complete(settle, request, *token))
        })?;
    }
    Ok(rate(requests.len(), started))
}

/// A connection as the store's: the store makes the file, and what is kept in the connection is said again.
fn connect(path: &Path) -> Result<Connection, BoxError> {
    drop(SqliteStore::open(path)?);
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

fn transact<T>(
    connection: &mut Connection,
    sql: &str,
    operations: impl FnOnce(&mut Statement<'_>) -> Result<T, BoxError>,
) -> Result<T, BoxError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = operations(&mut *transaction.prepare_cached(sql)?)?;
    transaction.commit()?;
    Ok(done)
}

/// Parameters by position, in the order in which the statement first names them.
fn win(claim: &mut Statement<'_>, request: &ClaimRequest) -> Result<i64, BoxError> {
    let micros = i64::try_from(SystemClock.now().duration_since(UNIX_EPOCH)?.as_micros())?;
    let (scope, key, fingerprint) = (request.scope.as_i32(), request.key.as_bytes(), request.fingerprint.as_bytes());
    let (lease, retention) = (request.lease_time.as_millis() * 1000, request.retention.as_millis() * 1000);
    let parameters = params![scope, key, fingerprint, micros, micros, lease, retention, request.note.as_str(), false];
    let (token, attempts): (i64, i64) = claim.query_row(parameters, |row| Ok((row.get(0)?, row.get(1)?)))?;
    if attempts == 1 { Ok(token) } else { Err("a new event is won".into()) }
}

fn complete(settle: &mut Statement<'_>, request: &ClaimRequest, token: i64) -> Result<(), BoxError> {
    let changed = settle.execute(params![2, None::<&str>, request.scope.as_i32(), request.key.as_bytes(), token])?;
    if changed == 1 { Ok(()) } else { Err("a live lease completes".into()) }
}

fn rate(pairs: usize, started: Instant) -> f64 {
    let pairs = u32::try_from(pairs).expect("some thousands");
    f64::from(pairs) / started.elapsed().as_secs_f64()
}
