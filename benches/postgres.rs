//! The PostgreSQL store, beside what a program would do by hand: one INSERT per claim, each on a connection of its own.
//!
//! Claims of new events. The raw callers hold their connection and prepare their statement once; they ask about nothing
//! but the insert. Every contender begins every round with an empty table, and the server is a private one with its
//! default settings: every commit is synced.

use std::sync::atomic::{AtomicUsize, Ordering};

use counterfoil::idempotency::{Claim, Store as _};
use counterfoil_benches::claims::Requests;
use counterfoil_benches::markdown::count;
use counterfoil_benches::{Aim, BoxError, Contest, Extent, Sheet, Unit};
use counterfoil_sqlx::{PostgresStore, Tables};
use counterfoil_testkit::PrivatePostgres;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::runtime::Runtime;

const CONCURRENT: usize = 64;

const RAW: &str = "one INSERT ON CONFLICT a claim, a connection each";
const STORE: &str = "PostgresStore";

/// What a program writes by hand: the key and nothing of what follows from it.
const INSERT: &str = "
INSERT INTO raw_event (scope, key, fingerprint, state, token, attempts, lease_until, first_at, expires_at, note)
VALUES ($1, $2, $3, 1, (extract(epoch FROM clock_timestamp()) * 1000000)::int8, 1,
        clock_timestamp() + $4 * interval '1 ms', clock_timestamp(), clock_timestamp() + $5 * interval '1 ms', $6)
ON CONFLICT (scope, key) DO NOTHING RETURNING token";

fn main() -> Result<(), BoxError> {
    let extent = Extent::from_args();
    let server = PrivatePostgres::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let bench = Bench::new(&runtime, &server.url())?;
    let mut sheet = Sheet::new(extent);
    sheet.software("PostgreSQL", bench.version()?);
    let claims = extent.pick(8192, CONCURRENT);
    let many = Contest::new(
        format!("PostgreSQL, {} claims by {CONCURRENT} callers, claims a second", count(claims)),
        Unit::Rate,
    )
    .enter(RAW, || bench.raw(claims, CONCURRENT))
    .ours(STORE, || bench.store(claims, CONCURRENT))
    .aim(STORE, Aim::AtLeast(2.0), RAW);
    sheet.contest(many.run(extent, 21)?)?;
    let claims = extent.pick(512, 4);
    let one = Contest::new(format!("PostgreSQL, {} claims by one caller, claims a second", count(claims)), Unit::Rate)
        .enter(RAW, || bench.raw(claims, 1))
        .ours(STORE, || bench.store(claims, 1))
        .aim(STORE, Aim::AtLeast(0.9), RAW);
    sheet.contest(one.run(extent, 21)?)?;
    bench.preload(extent.pick(1_000_000, 1000))?;
    let claims = extent.pick(4096, CONCURRENT);
    let full = "1,000,000 rows";
    let rows =
        Contest::new(format!("PostgreSQL, {} claims by {CONCURRENT} callers, time a claim", count(claims)), Unit::Time)
            .ours("empty table", || Ok(1.0 / bench.store(claims, CONCURRENT)?))
            .ours(full, || Ok(1.0 / bench.store_full(claims, CONCURRENT)?))
            .aim(full, Aim::AtMost(1.5), "empty table");
    sheet.contest(rows.run(extent, 21)?)?;
    sheet.finish()
}

struct Bench<'r> {
    runtime: &'r Runtime,
    pool: PgPool,
    store: PostgresStore,
    full: PostgresStore,
    /// Events that were asked for, so that every round has new ones.
    asked: AtomicUsize,
}

impl<'r> Bench<'r> {
    fn new(runtime: &'r Runtime, url: &str) -> Result<Self, BoxError> {
        let (pool, store, full) = runtime.block_on(async {
            let connections = u32::try_from(CONCURRENT)?;
            let pool = PgPoolOptions::new().max_connections(connections).connect(url).await?;
            let raw = Tables::new().prefix("raw_")?;
            PostgresStore::builder(pool.clone()).tables(raw).migrate().open().await?;
            let store = PostgresStore::builder(pool.clone()).migrate().open().await?;
            let full = Tables::new().prefix("full_")?;
            let full = PostgresStore::builder(pool.clone()).tables(full).migrate().open().await?;
            Ok::<_, BoxError>((pool, store, full))
        })?;
        Ok(Self { runtime, pool, store, full, asked: AtomicUsize::new(0) })
    }

    fn version(&self) -> Result<String, BoxError> {
        let shown = sqlx::query_scalar::<_, String>("SHOW server_version").fetch_one(&self.pool);
        let shown = self.runtime.block_on(shown)?;
        // What follows is who packed it.
        Ok(shown.split_whitespace().next().unwrap_or_default().to_owned())
    }

    fn requests(&self, claims: usize) -> Result<Requests, BoxError> {
        let first = self.asked.fetch_add(claims, Ordering::Relaxed);
        Requests::of(first..first + claims)
    }

    fn execute(&self, sql: String) -> Result<(), BoxError> {
        self.runtime.block_on(sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.pool))?;
        Ok(())
    }

    fn preload(&self, rows: usize) -> Result<(), BoxError> {
        self.execute(format!(
            "INSERT INTO full_event SELECT 7, decode(md5(n::text), 'hex'), decode(md5(n::text), 'hex'), 2, n, 1,
                 now(), now(), now() + n * interval '1 second', 'handl order.created evt' FROM generate_series(1, {rows}) n;
             ANALYZE full_event"
        ))
    }

    fn raw(&self, claims: usize, callers: usize) -> Result<f64, BoxError> {
        self.execute("TRUNCATE raw_event".to_owned())?;
        self.requests(claims)?.race(self.runtime, callers, |requests| {
            let pool = self.pool.clone();
            async move {
                let mut connection = pool.acquire().await?;
                while let Some(request) = requests.take() {
                    let token: Option<i64> = sqlx::query_scalar(INSERT)
                        .bind(request.scope.as_i32())
                        .bind(*request.key.as_bytes())
                        .bind(*request.fingerprint.as_bytes())
                        .bind(request.lease_time.get().as_secs_f64() * 1000.0)
                        .bind(request.retention.get().as_secs_f64() * 1000.0)
                        .bind(request.note.as_str())
                        .fetch_optional(&mut *connection)
                        .await?;
                    token.ok_or("a new event is won")?;
                }
                Ok(())
            }
        })
    }

    fn store(&self, claims: usize, callers: usize) -> Result<f64, BoxError> {
        self.execute("TRUNCATE counterfoil_event".to_owned())?;
        self.claim(&self.store, claims, callers)
    }

    fn store_full(&self, claims: usize, callers: usize) -> Result<f64, BoxError> {
        self.claim(&self.full, claims, callers)
    }

    fn claim(&self, store: &PostgresStore, claims: usize, callers: usize) -> Result<f64, BoxError> {
        self.requests(claims)?.race(self.runtime, callers, |requests| {
            let store = store.clone();
            async move {
                while let Some(request) = requests.take() {
                    let Claim::Won(_) = store.claim(request).await? else { return Err("a new event is won".into()) };
                }
                Ok(())
            }
        })
    }
}
