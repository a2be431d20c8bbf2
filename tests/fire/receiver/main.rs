//! The receiver that `tests/fire` kills: one sender, a store to choose, and failpoints around store, handler and
//! answer. None of them is in the published crates: the store is wrapped, the handler is ours, and the answers pass
//! through a layer outside.
//!
//! `fire-receiver STORE URL SOCKET EFFECTS FUSE CONDUCT`, with stdin held open by the harness.

mod failpoint;
mod handler;
mod store;
#[path = "../terms.rs"]
mod terms;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::post;
use counterfoil::idempotency::Store;
use counterfoil::receiver::DUPLICATE_HEADER;
use counterfoil::{Receiver, Secret, senders};
use counterfoil_redis::RedisStore;
use counterfoil_sqlite::SqliteStore;
use counterfoil_sqlx::PostgresStore;
use counterfoil_tower::WebhookLayer;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::net::UnixListener;
use tokio::time::sleep;

use failpoint::Fuse;
use handler::Effects;
use terms::{Backend, Conduct, Point, READY, SECRET};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// As short as a lease may be: the event of a killed process is free again after that.
const LEASE: Duration = Duration::from_secs(2);

/// A copy gives its connection back soon, so that the harness can do something else with it.
const IN_FLIGHT_WAIT: Duration = Duration::from_millis(150);

/// For an answer to get out.
const MOMENT: Duration = Duration::from_millis(2);

/// Between two tries to open a store that is down.
const PAUSE: Duration = Duration::from_millis(50);

/// What the arguments say.
struct Setting {
    backend: Backend,
    url: String,
    socket: PathBuf,
    effects: PathBuf,
    fuse: Fuse,
    conduct: Conduct,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).with_env_filter("error").init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "the receiver cannot go on");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), BoxError> {
    let setting = Setting::read().ok_or("STORE URL SOCKET EFFECTS FUSE CONDUCT")?;
    // The harness holds the other end. When it is gone, however it went, so is this.
    std::thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    });
    let (store, effects) = open(&setting).await?;
    let fuse = setting.fuse;
    let receiver = Receiver::builder(senders::HANDL)
        .secret(Secret::new(SECRET)?)
        .store(store::Fused { store, fuse: fuse.clone() })
        .lease(LEASE)
        .in_flight_wait(IN_FLIGHT_WAIT)
        .build()?;
    let app = Router::new()
        .route("/", post(handler::handle).layer(WebhookLayer::new(receiver)))
        .layer(from_fn_with_state(fuse.clone(), answer))
        .with_state((effects, fuse));
    let listener = listen(&setting.socket)?;
    writeln!(io::stdout(), "{READY}")?;
    axum::serve(listener, app).await?;
    Ok(())
}

impl Setting {
    fn read() -> Option<Self> {
        let mut arguments = std::env::args().skip(1);
        Some(Self {
            backend: backend(&arguments.next()?)?,
            url: arguments.next()?,
            socket: arguments.next()?.into(),
            effects: arguments.next()?.into(),
            fuse: Fuse::parse(&arguments.next()?)?,
            conduct: conduct(&arguments.next()?)?,
        })
    }
}

fn backend(name: &str) -> Option<Backend> {
    let all = [Backend::Sqlite, Backend::Postgres, Backend::PostgresTx, Backend::Redis];
    all.into_iter().find(|backend| backend.name() == name)
}

fn conduct(name: &str) -> Option<Conduct> {
    [Conduct::Right, Conduct::AckFirst, Conduct::Unfenced].into_iter().find(|conduct| conduct.name() == name)
}

async fn open(setting: &Setting) -> Result<(Arc<dyn Store>, Effects), BoxError> {
    let store: Arc<dyn Store> = match setting.backend {
        Backend::Sqlite => Arc::new(SqliteStore::open(&setting.url)?),
        Backend::Postgres => Arc::new(open_postgres(&setting.url).await?),
        Backend::PostgresTx => {
            let store = open_postgres(&setting.url).await?;
            let unfenced = setting.conduct == Conduct::Unfenced;
            let effects =
                if unfenced { Effects::Unfenced(pool(&setting.url)?) } else { Effects::Transaction(store.clone()) };
            return Ok((Arc::new(store), effects));
        }
        Backend::Redis => Arc::new(open_redis(&setting.url).await?),
    };
    let file = Effects::file(&setting.effects)?;
    Ok((store, if setting.conduct == Conduct::AckFirst { Effects::TooLate(file) } else { Effects::File(file) }))
}

fn pool(url: &str) -> sqlx::Result<PgPool> {
    PgPoolOptions::new().max_connections(6).acquire_timeout(Duration::from_secs(2)).connect_lazy(url)
}

/// The server may have been killed. The harness does not wait for ever.
async fn open_postgres(url: &str) -> Result<PostgresStore, BoxError> {
    use counterfoil_sqlx::OpenError;
    loop {
        match PostgresStore::builder(pool(url)?).migrate().open().await {
            Err(OpenError::Database { source }) => tracing::error!(%source, "the store cannot be opened"),
            opened => return Ok(opened?),
        }
        sleep(PAUSE).await;
    }
}

async fn open_redis(url: &str) -> Result<RedisStore, BoxError> {
    use counterfoil_redis::OpenError;
    loop {
        match RedisStore::open(url).await {
            Err(OpenError::Redis { source }) => tracing::error!(source, "the store cannot be opened"),
            opened => return Ok(opened?),
        }
        sleep(PAUSE).await;
    }
}

/// Takes the socket over from the process before this one, which had no time to remove it.
fn listen(socket: &Path) -> io::Result<UnixListener> {
    let new = socket.with_extension("new");
    let _ = std::fs::remove_file(&new);
    let listener = UnixListener::bind(&new)?;
    std::fs::rename(new, socket)?;
    Ok(listener)
}

/// Outside the receiver: what it answers is settled.
async fn answer(State(fuse): State<Fuse>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.status().is_success() && !response.headers().contains_key(DUPLICATE_HEADER) {
        fuse.pass(Point::BeforeAnswer);
        tokio::spawn(async move {
            sleep(MOMENT).await;
            fuse.pass(Point::AfterAnswer);
        });
    }
    response
}
