//! The Redis store, beside its own script called by hand over one multiplexed connection.
//!
//! Claims of new events. The raw callers call what the store calls, know in advance what comes, and decode nothing but the
//! token. Every contender begins every round with an empty server of its own, which syncs every command it
//! acknowledges.

use std::sync::atomic::{AtomicUsize, Ordering};

use counterfoil::idempotency::{Claim, Store as _};
use counterfoil_benches::claims::Requests;
use counterfoil_benches::markdown::count;
use counterfoil_benches::{Aim, BoxError, Contest, Extent, Sheet, Unit};
use counterfoil_redis::RedisStore;
use counterfoil_testkit::PrivateRedis;
use redis::aio::MultiplexedConnection;
use redis::{Client, Script};
use tokio::runtime::Runtime;

const CONCURRENT: usize = 64;

const RAW: &str = "raw EVALSHA, one multiplexed connection";
const STORE: &str = "RedisStore";

/// The store's own script.
const CLAIM: &str = concat!(
    include_str!("../crates/counterfoil-redis/src/scripts/row.lua"),
    include_str!("../crates/counterfoil-redis/src/scripts/claim.lua")
);

fn main() -> Result<(), BoxError> {
    let extent = Extent::from_args();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let server = PrivateRedis::start(&[("appendonly", "yes"), ("appendfsync", "always")]);
    let bench = runtime.block_on(Bench::new(&server.url()))?;
    let mut sheet = Sheet::new(extent);
    sheet.software("Redis", bench.version(&runtime)?);
    for (callers, words) in [(CONCURRENT, "64 callers"), (1, "one caller")] {
        let claims = extent.pick(128 * callers.max(8), CONCURRENT);
        let mut contest =
            Contest::new(format!("Redis, {} claims by {words}, claims a second", count(claims)), Unit::Rate)
                .enter(RAW, || bench.raw(&runtime, claims, callers))
                .ours(STORE, || bench.store(&runtime, claims, callers));
        if callers == CONCURRENT {
            contest = contest.aim(STORE, Aim::AtLeast(0.9), RAW);
        }
        sheet.contest(contest.run(extent, 31)?)?;
    }
    sheet.finish()
}

struct Bench {
    connection: MultiplexedConnection,
    script: Script,
    store: RedisStore,
    /// Events that were asked for, so that every round has new ones.
    asked: AtomicUsize,
}

impl Bench {
    async fn new(url: &str) -> Result<Self, BoxError> {
        let connection = Client::open(url)?.get_multiplexed_async_connection().await?;
        let store = RedisStore::open(url).await?;
        Ok(Self { connection, script: Script::new(CLAIM), store, asked: AtomicUsize::new(0) })
    }

    fn version(&self, runtime: &Runtime) -> Result<String, BoxError> {
        let mut connection = self.connection.clone();
        let info: redis::InfoDict = runtime.block_on(redis::cmd("INFO").arg("server").query_async(&mut connection))?;
        Ok(info.get("redis_version").ok_or("a version")?)
    }

    fn requests(&self, runtime: &Runtime, claims: usize) -> Result<Requests, BoxError> {
        let mut connection = self.connection.clone();
        runtime.block_on(redis::cmd("FLUSHALL").query_async::<()>(&mut connection))?;
        let first = self.asked.fetch_add(claims, Ordering::Relaxed);
        Requests::of(first..first + claims)
    }

    fn raw(&self, runtime: &Runtime, claims: usize, callers: usize) -> Result<f64, BoxError> {
        let requests = self.requests(runtime, claims)?;
        let connection = self.connection.clone();
        runtime.block_on(self.script.load_async(&mut connection.clone()))?;
        requests.race(runtime, callers, |requests| {
            let (mut connection, script) = (connection.clone(), self.script.clone());
            async move {
                while let Some(request) = requests.take() {
                    let key = format!("raw:{{{}:{}}}", request.scope, request.key);
                    let answer: (i64, String, i64) = script
                        .key(key)
                        .arg(request.fingerprint.as_bytes().as_slice())
                        .arg(request.lease_time.as_millis())
                        .arg(request.retention.as_millis())
                        .arg(0)
                        .arg(request.note.as_str())
                        .invoke_async(&mut connection)
                        .await?;
                    if answer.0 != 0 {
                        return Err("a new event is won".into());
                    }
                }
                Ok(())
            }
        })
    }

    fn store(&self, runtime: &Runtime, claims: usize, callers: usize) -> Result<f64, BoxError> {
        let requests = self.requests(runtime, claims)?;
        requests.race(runtime, callers, |requests| {
            let store = self.store.clone();
            async move {
                while let Some(request) = requests.take() {
                    let Claim::Won(_) = store.claim(request).await? else { return Err("a new event is won".into()) };
                }
                Ok(())
            }
        })
    }
}
