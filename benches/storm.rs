//! A storm of duplicates: a million deliveries of a thousand events, by two processes that share a store.
//!
//! Not a race but a count: handlers must run once per event, every answer must be 200 or 503, and the processes must not
//! grow. Each process signs its deliveries beforehand and hands them to the layer as the server would, 256 at a time.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use counterfoil::idempotency::Store;
use counterfoil::{Clock, Receiver, Secret, Signer, SystemClock, senders};
use counterfoil_benches::markdown::count;
use counterfoil_benches::results::{Row, Tally};
use counterfoil_benches::{Aim, BoxError, Extent, Sheet, fixtures};
use counterfoil_redis::RedisStore;
use counterfoil_sqlite::SqliteStore;
use counterfoil_sqlx::PostgresStore;
use counterfoil_testkit::{PrivatePostgres, PrivateRedis};
use counterfoil_tower::WebhookLayer;
use http::HeaderMap;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

const PROCESSES: usize = 2;
const AT_ONCE: usize = 256;

/// Set in the processes that take part.
const STORE: &str = "STORM_STORE";
const DELIVERIES: &str = "STORM_DELIVERIES";
const EVENTS: &str = "STORM_EVENTS";

const COLUMNS: [&str; 5] = ["handlers ran", "200", "503", "deliveries a second", "growth of each process, MiB"];

/// Growth that is no more than buffers and connections.
const MOST_GROWTH: Aim = Aim::AtMost(32.0);

fn main() -> Result<(), BoxError> {
    if let Ok(store) = std::env::var(STORE) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        return runtime.block_on(take_part(&store));
    }
    let extent = Extent::from_args();
    let (deliveries, events) = (extent.pick(1_000_000, 2_000), extent.pick(1_000, 20));
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let postgres = PrivatePostgres::start();
    let redis = PrivateRedis::start(&[("appendonly", "yes"), ("appendfsync", "always")]);
    let stores = [
        ("SQLite", format!("sqlite:{}", folder.path().join("store.db").display())),
        ("PostgreSQL", postgres.url()),
        ("Redis", redis.url()),
    ];
    let mut rows = Vec::new();
    for (name, url) in stores {
        let came = storm(&url, deliveries, events)?;
        assert_eq!(came.runs, events, "{name}: handlers run once per event");
        assert_eq!(came.ok + came.busy, deliveries, "{name}: every answer is 200 or 503");
        let [runs, ok, busy, total] =
            [came.runs, came.ok, came.busy, deliveries].map(|count| u32::try_from(count).map(f64::from));
        let rate = (total? / came.seconds).round();
        let growth = f64::from(u32::try_from(came.growth.div_ceil(1024))?);
        rows.push(Row { name: name.to_owned(), values: vec![runs?, ok?, busy?, rate, growth], aim: Some(MOST_GROWTH) });
    }
    let (deliveries, events) = (count(deliveries), count(events));
    let mut sheet = Sheet::new(extent);
    sheet.tally(Tally {
        title: format!("{deliveries} deliveries of {events} events, {PROCESSES} processes"),
        of: "store".to_owned(),
        columns: COLUMNS.map(str::to_owned).to_vec(),
        rows,
    })?;
    sheet.finish()
}

/// What a storm came to.
struct Count {
    runs: usize,
    ok: usize,
    busy: usize,
    seconds: f64,
    /// Of the process that grew most, in KiB.
    growth: u64,
}

/// Lets the processes begin together, and adds up what they say.
fn storm(url: &str, deliveries: usize, events: usize) -> Result<Count, BoxError> {
    let mut processes = Vec::new();
    for _ in 0..PROCESSES {
        processes.push(Process::start(url, deliveries / PROCESSES, events)?);
    }
    for process in &mut processes {
        process.line()?;
    }
    let mut total = Count { runs: 0, ok: 0, busy: 0, seconds: 0.0, growth: 0 };
    for process in &mut processes {
        process.input.write_all(b"go\n")?;
    }
    for mut process in processes {
        let line = process.line()?;
        let numbers: Vec<&str> = line.split_whitespace().collect();
        let [runs, ok, busy, seconds, growth] = numbers.as_slice() else { return Err(line.into()) };
        total.runs += runs.parse::<usize>()?;
        total.ok += ok.parse::<usize>()?;
        total.busy += busy.parse::<usize>()?;
        total.seconds = total.seconds.max(seconds.parse()?);
        total.growth = total.growth.max(growth.parse()?);
        process.child.wait()?;
    }
    Ok(total)
}

struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(url: &str, deliveries: usize, events: usize) -> Result<Self, BoxError> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(STORE, url).env(DELIVERIES, deliveries.to_string()).env(EVENTS, events.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().ok_or("no stdin")?;
        let output = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        Ok(Self { child, input, output })
    }

    fn line(&mut self) -> Result<String, BoxError> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.is_empty() { Err("a process of the storm has failed".into()) } else { Ok(line) }
    }
}

async fn open(url: &str) -> Result<Arc<dyn Store>, BoxError> {
    Ok(match url.split_once(':') {
        Some(("sqlite", path)) => Arc::new(SqliteStore::open(path)?),
        Some(("postgres", _)) => {
            let pool = sqlx::PgPool::connect(url).await?;
            Arc::new(PostgresStore::builder(pool).migrate().open().await?)
        }
        _ => Arc::new(RedisStore::open(url).await?),
    })
}

/// One process: signs, says that it is ready, waits for the word, delivers, and says what came of it.
async fn take_part(url: &str) -> Result<(), BoxError> {
    let number = |name| Ok::<usize, BoxError>(std::env::var(name)?.parse()?);
    let (deliveries, events) = (number(DELIVERIES)?, number(EVENTS)?);
    let receiver = Receiver::builder(senders::HANDL).secret(Secret::new(fixtures::SECRET)?).store(open(url).await?);
    let runs = Arc::new(AtomicUsize::new(0));
    let handler = {
        let runs = runs.clone();
        async move || {
            runs.fetch_add(1, Ordering::Relaxed);
            StatusCode::OK
        }
    };
    let app = Router::new().route("/", post(handler).layer(WebhookLayer::new(receiver.build()?)));
    let signed: Arc<[(HeaderMap, Bytes)]> = signed(events)?.into();
    tokio::task::spawn_blocking(|| {
        writeln!(std::io::stdout(), "ready")?;
        std::io::stdin().lock().read_line(&mut String::new())
    })
    .await??;
    let before = resident()?;
    let (next, ok, busy) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let started = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (app, signed) = (app.clone(), signed.clone());
        let (next, ok, busy) = (next.clone(), ok.clone(), busy.clone());
        senders.spawn(async move {
            loop {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                if turn >= deliveries {
                    return;
                }
                let (headers, body) = &signed[turn % signed.len()];
                let mut request = Request::post("/").body(Body::from(body.clone())).unwrap_or_default();
                *request.headers_mut() = headers.clone();
                let Ok(response) = app.clone().oneshot(request).await;
                match response.status() {
                    StatusCode::OK => ok.fetch_add(1, Ordering::Relaxed),
                    StatusCode::SERVICE_UNAVAILABLE => busy.fetch_add(1, Ordering::Relaxed),
                    _ => 0,
                };
            }
        });
    }
    senders.join_all().await;
    let (seconds, growth) = (started.elapsed().as_secs_f64(), resident()?.saturating_sub(before));
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    writeln!(std::io::stdout(), "{} {} {} {seconds} {growth}", count(&runs), count(&ok), count(&busy))?;
    Ok(())
}

/// Events of HanDl's, signed now: fresh for longer than the storm takes.
fn signed(events: usize) -> Result<Vec<(HeaderMap, Bytes)>, BoxError> {
    let signer = Signer::new(&senders::HANDL, &Secret::new(fixtures::SECRET)?)?;
    let stamp = fixtures::stamp()?;
    let sign = |number| {
        let envelope = format!(r#""id":"evt_{number:012}","type":"order.created","created_at":"{stamp}""#);
        let body = format!("{{{envelope},\"data\":{{}}}}");
        Ok((signer.sign(body.as_bytes(), SystemClock.now())?, body.into()))
    };
    (0..events).map(sign).collect()
}

/// Memory that is resident, in KiB.
fn resident() -> Result<u64, BoxError> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
