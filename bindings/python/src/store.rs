//! The stores. Making one opens nothing: a store may be made before a fork, and is opened by each process that uses it.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use counterfoil::idempotency::{
    BoxFuture, Claim, ClaimRequest, Fence, Fenced, IdempotencyKey, NonZeroDuration, Note, Page, Record, Scope, Store,
    StoreError, Survives,
};
use counterfoil_redis::{OpenError, RedisStore as Redis};
use counterfoil_sqlite::SqliteStore as Sqlite;
use counterfoil_sqlx::{PostgresStore as Postgres, Tables};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::OnceCell;

use crate::completion::{Completion, Slot};
use crate::convert::{self, Text};
use crate::file::{File, Opened};
use crate::outcome::Outcome;
use crate::process::PerProcess;
use crate::{errors, runtime, tables};

/// How long a connection may take: as long as the engine gives a store to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a store is opened.
#[derive(Clone)]
enum Recipe {
    Sqlite(PathBuf),
    Postgres { options: Box<PgConnectOptions>, tables: Tables, migrate: bool, connections: u32 },
    Redis { url: String, prefix: String },
}

impl Recipe {
    async fn open(self) -> Result<Arc<dyn Store>, StoreError> {
        let runtime = runtime::handle().map_err(unavailable)?;
        // On the runtime, where connections live, whoever polls this.
        let opening = runtime.spawn(async move {
            let store: Arc<dyn Store> = match self {
                Self::Sqlite(path) => {
                    let opened = tokio::task::spawn_blocking(move || Sqlite::open(path)).await.map_err(unavailable)?;
                    Arc::new(opened.map_err(unavailable)?)
                }
                Self::Postgres { options, tables, migrate, connections } => {
                    // A pool only says that it had no connection in time; a connection says why.
                    let trial = tokio::time::timeout(PATIENCE, options.connect()).await.map_err(unavailable)?;
                    let _closed = trial.map_err(unavailable)?.close().await;
                    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE);
                    let pool = pool.connect_lazy_with(*options);
                    let store = Postgres::builder(pool).tables(tables);
                    let store = if migrate { store.migrate() } else { store };
                    Arc::new(store.open().await.map_err(unavailable)?)
                }
                Self::Redis { url, prefix } => {
                    Arc::new(Redis::builder(&url).prefix(prefix).open().await.map_err(unavailable)?)
                }
            };
            Ok(store)
        });
        opening.await.map_err(unavailable)?
    }
}

fn unavailable(source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable { source: Box::new(source) }
}

/// A store that is opened by its first operation.
struct Lazy {
    recipe: Recipe,
    store: OnceCell<(Arc<dyn Store>, Option<Opened>)>,
    file: Option<Arc<File>>,
}

impl Lazy {
    async fn opened(&self) -> Result<&Arc<dyn Store>, StoreError> {
        Ok(&self.store.get_or_try_init(|| self.open()).await?.0)
    }

    async fn open(&self) -> Result<(Arc<dyn Store>, Option<Opened>), StoreError> {
        let open = self.recipe.clone().open();
        match &self.file {
            Some(file) => file.opening(open).await,
            None => Ok((open.await?, None)),
        }
    }
}

impl std::fmt::Debug for Lazy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Lazy").field(&self.store.get().map(|(store, _)| store)).finish()
    }
}

impl Store for Lazy {
    fn claim<'a>(&'a self, request: &'a ClaimRequest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        Box::pin(async move { self.opened().await?.claim(request).await })
    }

    fn complete<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        Box::pin(async move { self.opened().await?.complete(fence).await })
    }

    fn dead<'a>(&'a self, fence: &'a Fence, reason: &'a Note) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        Box::pin(async move { self.opened().await?.dead(fence, reason).await })
    }

    fn release<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        Box::pin(async move { self.opened().await?.release(fence).await })
    }

    fn extend<'a>(
        &'a self,
        fence: &'a Fence,
        lease_time: NonZeroDuration,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        Box::pin(async move { self.opened().await?.extend(fence, lease_time).await })
    }

    fn purge(&self, most: NonZeroU32) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move { self.opened().await?.purge(most).await })
    }

    fn forget(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move { self.opened().await?.forget(scope, key).await })
    }

    fn get(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        Box::pin(async move { self.opened().await?.get(scope, key).await })
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        Box::pin(async move { self.opened().await?.list(page).await })
    }

    /// Before it is open, the least that any of them keeps.
    fn durability(&self) -> Survives {
        self.store.get().map_or(Survives::ProcessCrash, |(store, _)| store.durability())
    }
}

/// This process's store of a Python object.
struct Kept {
    recipe: Recipe,
    file: Option<Arc<File>>,
    opened: PerProcess<OnceLock<Arc<Lazy>>>,
}

impl Kept {
    fn new(recipe: Recipe) -> Self {
        Self { recipe, file: None, opened: PerProcess::new() }
    }

    fn lazy(&self) -> Arc<Lazy> {
        let (recipe, file) = (&self.recipe, &self.file);
        let lazy = || Arc::new(Lazy { recipe: recipe.clone(), store: OnceCell::new(), file: file.clone() });
        self.opened.get().get_or_init(lazy).clone()
    }

    fn open(&self) -> PyResult<Arc<Slot>> {
        let lazy = self.lazy();
        let opened = Slot::of(async move {
            match lazy.opened().await {
                Ok(_) => Outcome::Nothing,
                Err(error) => Outcome::Unopened(Arc::new(error)),
            }
        });
        Ok(opened?)
    }
}

/// This process's store that a Python object stands for.
pub(crate) fn resolve(store: &Bound<'_, PyAny>) -> PyResult<Arc<dyn Store>> {
    if let Ok(store) = store.cast::<MemoryStore>() {
        return Ok(store.get().store());
    }
    if let Ok(store) = store.cast::<SqliteStore>() {
        return Ok(store.get().0.lazy());
    }
    if let Ok(store) = store.cast::<PostgresStore>() {
        return Ok(store.get().0.lazy());
    }
    if let Ok(store) = store.cast::<RedisStore>() {
        return Ok(store.get().0.lazy());
    }
    let text = "`store=` takes a MemoryStore, SqliteStore, PostgresStore or RedisStore";
    Err(errors::config_text(store.py(), text))
}

/// A store in this process's memory. It survives nothing, and each forked process has its own.
///
/// Args:
///     capacity: How many events it has room for. A full store refuses new events: it never makes room.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct MemoryStore {
    capacity: NonZeroU32,
    store: PerProcess<OnceLock<Arc<counterfoil::idempotency::MemoryStore>>>,
}

impl MemoryStore {
    fn store(&self) -> Arc<dyn Store> {
        let store = || Arc::new(counterfoil::idempotency::MemoryStore::new(self.capacity));
        self.store.get().get_or_init(store).clone()
    }
}

#[pymethods]
impl MemoryStore {
    #[new]
    #[pyo3(signature = (capacity = 1_000_000))]
    fn new(py: Python<'_>, #[pyo3(from_py_with = convert::whole)] capacity: u32) -> PyResult<Self> {
        let capacity =
            NonZeroU32::new(capacity).ok_or_else(|| errors::config_text(py, "`capacity=` is zero: give at least 1"))?;
        Ok(Self { capacity, store: PerProcess::new() })
    }
}

/// A store in a SQLite file of its own, shared by the processes of one machine. It survives the loss of power.
///
/// Nothing else may open the file, and Python's own `sqlite3` least of all: the two hold different copies of SQLite, and the
/// one would break the other's locks. Such attempts are refused where they can be seen.
///
/// One that was made before a fork is opened by each process. One that was used before it cannot be used after it.
///
/// Args:
///     path: The file, which is made where it is missing. Not on a network file system.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct SqliteStore(Kept);

#[pymethods]
impl SqliteStore {
    #[new]
    fn new(py: Python<'_>, #[pyo3(from_py_with = convert::path)] path: PathBuf) -> PyResult<Self> {
        // Opened later, when the working folder may be another.
        let path = std::path::absolute(path)
            .map_err(|error| errors::config_text(py, &format!("the path of the store is none: {error}")))?;
        static OPENING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let guard = OPENING.import(py, "counterfoil._sqlite_guard", "opening")?.call1((&path,))?.unbind();
        let file = Arc::new(File::new(path.clone(), guard));
        Ok(Self(Kept { file: Some(file), ..Kept::new(Recipe::Sqlite(path)) }))
    }

    /// Opens it now, where its first use would.
    ///
    /// Raises:
    ///     StoreError: It cannot be opened.
    fn open(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.0.open()?.result(py)
    }

    /// As `open`.
    fn aopen(&self) -> PyResult<Completion> {
        self.0.open().map(Completion::new)
    }
}

/// A store in PostgreSQL, shared by any number of machines.
///
/// Effects in the same database can commit together with their event: see `counterfoil.transactions`.
///
/// Args:
///     url: Such as `postgres://user:password@host/database`; `sslmode` and the like go into its query.
///     schema: The schema of the tables, where the search path does not find them.
///     prefix: What the tables' names begin with, in place of `counterfoil_`.
///     migrate: Makes the tables, or brings them to this release's version.
///     connections: The most that one process holds.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct PostgresStore(Kept);

#[pymethods]
impl PostgresStore {
    #[new]
    #[pyo3(signature = (url, *, schema = None, prefix = None, migrate = false, connections = 8))]
    fn new(
        py: Python<'_>,
        url: Text,
        schema: Option<Text>,
        prefix: Option<Text>,
        migrate: bool,
        #[pyo3(from_py_with = convert::whole)] connections: u32,
    ) -> PyResult<Self> {
        if connections == 0 {
            return Err(errors::config_text(py, "`connections=` is zero: give at least 1"));
        }
        // Without what the parser says: it may repeat the URL, which holds a password.
        let Text(url) = url;
        let options = url.parse().map_err(|_| {
            errors::config_text(
                py,
                "the URL is no address of a PostgreSQL server: write it as postgres://user:password@host/database",
            )
        })?;
        let tables = tables::named(schema, prefix).map_err(|error| errors::config(py, &error))?;
        Ok(Self(Kept::new(Recipe::Postgres { options: Box::new(options), tables, migrate, connections })))
    }

    /// Opens it now, where its first use would.
    ///
    /// Raises:
    ///     StoreError: It cannot be opened.
    fn open(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.0.open()?.result(py)
    }

    /// As `open`.
    fn aopen(&self) -> PyResult<Completion> {
        self.0.open().map(Completion::new)
    }
}

/// A store on Redis or Valkey, shared by any number of machines. What it survives is the server's configuration.
///
/// Args:
///     url: Such as `redis://host:6379/0`, `rediss://..` for TLS, or `redis+unix:///socket`.
///     prefix: What the names of all rows begin with.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct RedisStore(Kept);

#[pymethods]
impl RedisStore {
    #[new]
    #[pyo3(signature = (url, *, prefix = None), text_signature = "(url, *, prefix='counterfoil:')")]
    fn new(py: Python<'_>, url: Text, prefix: Option<Text>) -> PyResult<Self> {
        // For `rediss`. A provider that is there already stays.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (url, prefix) = (url.0, prefix.map_or_else(|| "counterfoil:".to_owned(), |prefix| prefix.0));
        Redis::builder(&url).prefix(&*prefix).check().map_err(|error| match error {
            // Without what the parser says: it may repeat the URL, which holds a password.
            OpenError::BadUrl { .. } => {
                errors::config_text(py, "the URL is none of redis://, rediss:// or redis+unix://")
            }
            error => errors::config(py, &error),
        })?;
        Ok(Self(Kept::new(Recipe::Redis { url, prefix })))
    }

    /// Opens it now, where its first use would.
    ///
    /// Raises:
    ///     StoreError: It cannot be opened.
    fn open(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.0.open()?.result(py)
    }

    /// As `open`.
    fn aopen(&self) -> PyResult<Completion> {
        self.0.open().map(Completion::new)
    }
}
