//! counterfoil's store in a SQLite file of its own.
//!
//! An acknowledged event survives the process, the kernel and loss of power: the journal is a write-ahead
//! log synced at every commit. One thread owns the connection and puts all that is waiting into one
//! transaction, so that many deliveries share one sync; each caller is answered after it.
//!
//! Several processes on one machine may share the file. It must not lie on a network file system, and no
//! other program should write to it: effects that are to commit together with the event belong in your own
//! database.
//!
//! ```
//! use counterfoil::{idempotency::{Store, Survives}, senders, Receiver, Secret};
//! use counterfoil_sqlite::SqliteStore;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("webhooks.db");
//! let store = SqliteStore::open(path)?;
//! assert_eq!(store.durability(), Survives::PowerLoss);
//! let receiver = Receiver::builder(senders::HANDL).secret(Secret::new("whsec_example_0123")?).store(store).build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod open;
mod statements;
mod writer;

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use counterfoil::idempotency::{
    BoxFuture, Claim, ClaimRequest, Fence, Fenced, IdempotencyKey, NonZeroDuration, Note, Page, Record, Scope, Store,
    StoreError, Survives,
};

pub use open::OpenError;

use writer::Writer;

/// A store in a SQLite file. Cheap to clone; clones share one connection.
///
/// Dropping the last clone blocks until what is queued has been written.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    writer: Arc<Writer>,
}

impl SqliteStore {
    /// Opens the file at `path`, making it and its tables where they are missing. Blocks while it does.
    ///
    /// # Errors
    /// The file cannot be opened, belongs to another application or to a later version, or does not keep
    /// what it was told to keep.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let connection = open::open(path.as_ref())?;
        let writer = Writer::start(connection).map_err(|source| OpenError::Thread { source })?;
        Ok(Self { writer: Arc::new(writer) })
    }
}

impl Store for SqliteStore {
    fn claim<'a>(&'a self, request: &'a ClaimRequest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        let request = request.clone();
        self.writer.submit(move |step| statements::claim(step, &request))
    }

    fn complete<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        let fence = *fence;
        self.writer.submit(move |step| statements::complete(step, &fence))
    }

    fn dead<'a>(&'a self, fence: &'a Fence, reason: &'a Note) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        let (fence, reason) = (*fence, reason.clone());
        self.writer.submit(move |step| statements::dead(step, &fence, &reason))
    }

    fn release<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        let fence = *fence;
        self.writer.submit(move |step| statements::release(step, &fence))
    }

    fn extend<'a>(
        &'a self,
        fence: &'a Fence,
        lease_time: NonZeroDuration,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        let fence = *fence;
        self.writer.submit(move |step| statements::extend(step, &fence, lease_time))
    }

    fn purge(&self, most: NonZeroU32) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.writer.submit(move |step| statements::purge(step, most))
    }

    fn forget(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.writer.submit(move |step| statements::forget(step, scope, key))
    }

    fn get(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.writer.submit(move |step| statements::get(step, scope, key))
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        let page = page.clone();
        self.writer.submit(move |step| statements::list(step, &page))
    }

    fn durability(&self) -> Survives {
        Survives::PowerLoss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use counterfoil::idempotency::{Fingerprint, OnExpired, Outcome};
    use std::time::Duration;

    fn request(key: u32) -> ClaimRequest {
        let fingerprint = Fingerprint::of(&key.to_be_bytes());
        let week = NonZeroDuration::new(Duration::from_secs(7 * 86_400)).unwrap();
        ClaimRequest {
            scope: Scope::from_i32(7),
            key: IdempotencyKey::from_bytes(*fingerprint.as_bytes()),
            fingerprint,
            lease_time: week,
            retention: week,
            on_expired: OnExpired::Takeover,
            note: Note::new("x".repeat(255)),
        }
    }

    #[tokio::test]
    async fn t44_a_full_file_refuses_new_events_and_keeps_the_old() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open::open(&folder.path().join("store.db")).unwrap();
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        connection.pragma_update_and_check(None, "max_page_count", pages + 8, |_| Ok(())).unwrap();
        let store = SqliteStore { writer: Arc::new(Writer::start(connection).unwrap()) };

        let mut won = Vec::new();
        let refused = loop {
            match store.claim(&request(u32::try_from(won.len()).unwrap())).await {
                Ok(Claim::Won(lease)) => won.push(lease),
                Ok(other) => panic!("a new key is won, not {other:?}"),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, StoreError::Full { .. }), "{refused:?}");
        assert!(won.len() > 10, "{} events fitted", won.len());
        for (key, lease) in won.iter().enumerate() {
            assert_eq!(lease.complete(&store).await.unwrap(), Fenced::Applied);
            let again = store.claim(&request(u32::try_from(key).unwrap())).await.unwrap();
            assert!(matches!(again, Claim::Duplicate(Outcome::Completed)));
        }
        let refused = store.claim(&request(u32::try_from(won.len()).unwrap())).await;
        assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
    }
}
