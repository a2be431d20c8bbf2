//! What `STORE` names: where events are claimed, and with it where their effects go.

use std::error::Error;
use std::num::NonZeroU32;
use std::sync::Arc;

use counterfoil::idempotency::{MemoryStore, Store};
use counterfoil_redis::RedisStore;
use counterfoil_sqlite::SqliteStore;

use crate::ledger::{PostgresLedger, SqliteLedger};
use crate::{BoxError, Ledger};

/// Opens the store at `url`, and the ledger: the store's own database if that can hold it, the SQLite file `db` if not.
pub(crate) async fn open(url: &str, db: &str) -> Result<(Arc<dyn Store>, Ledger), BoxError> {
    let store: Arc<dyn Store> = match url.split_once(':') {
        Some(("memory", "")) => Arc::new(MemoryStore::new(NonZeroU32::new(1_000_000).ok_or("not zero")?)),
        Some(("sqlite", path)) => Arc::new(SqliteStore::open(path).map_err(|error| unusable(&error))?),
        Some(("postgres" | "postgresql", _)) => {
            let ledger = PostgresLedger::open(url).await.map_err(|error| unusable(&*error))?;
            return Ok((Arc::new(ledger.store()), ledger.into()));
        }
        Some(("redis" | "rediss" | "redis+unix", _)) => {
            // For `rediss`. A provider that is there already stays.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
            Arc::new(RedisStore::open(url).await.map_err(|error| unusable(&error))?)
        }
        // The scheme alone: what follows it may hold a password.
        other => {
            let scheme = other.map_or(String::new(), |(scheme, _)| format!("={scheme}:..."));
            return Err(format!(
                "STORE{scheme} names no store: give `memory:`, `sqlite:FILE`, `postgres://...` or `redis://...`"
            )
            .into());
        }
    };
    let ledger = SqliteLedger::open(db).map_err(|error| format!("DB={db} cannot be used: {error}"))?;
    Ok((store, ledger.into()))
}

/// With all causes. None of them repeats the URL.
fn unusable(error: &(dyn Error + 'static)) -> BoxError {
    told("STORE cannot be used", error)
}

/// What went wrong with something, with all causes.
pub(crate) fn told(what: &str, error: &(dyn Error + 'static)) -> BoxError {
    let mut text = what.to_owned();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let said = error.to_string();
        // Some errors say themselves what caused them.
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text.into()
}
