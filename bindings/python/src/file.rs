//! The file of a SQLite store, which a process and its child must not both have open by way of a fork.
//!
//! The child inherits what SQLite knows of the parent's locks, and believes to hold them. The parent then removes the
//! write-ahead log under it, with every event that the child has settled.

use std::future::Future;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use counterfoil::StoreError;
use counterfoil::idempotency::Store;
use pyo3::prelude::*;

/// The file of one Python object, and what keeps Python's own SQLite away from it.
pub(crate) struct File {
    path: PathBuf,
    _guard: Py<PyAny>,
}

/// Device and number.
type Id = (u64, u64);

/// A process and a file that it has open.
type Entry = (u32, Id);

/// A child finds its parent's entries. Swapped whole, since a fork could leave a lock closed.
static OPENED: ArcSwapOption<Vec<Entry>> = ArcSwapOption::const_empty();

/// A file that is open, until this is dropped.
pub(crate) struct Opened(Entry);

impl Opened {
    fn new(entry: Entry) -> Self {
        change(|known| known.push(entry));
        Self(entry)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        change(|known| {
            if let Some(index) = known.iter().position(|entry| *entry == self.0) {
                known.swap_remove(index);
            }
        });
    }
}

fn change(change: impl Fn(&mut Vec<Entry>)) {
    OPENED.rcu(|known| {
        let mut known = known.as_ref().map(|known| known.as_ref().clone()).unwrap_or_default();
        change(&mut known);
        Some(Arc::new(known))
    });
}

impl File {
    pub(crate) fn new(path: PathBuf, guard: Py<PyAny>) -> Self {
        Self { path, _guard: guard }
    }

    /// Opens it by `open`, unless another process has, which then is an ancestor of this one.
    pub(crate) async fn opening(
        &self,
        open: impl Future<Output = Result<Arc<dyn Store>, StoreError>>,
    ) -> Result<(Arc<dyn Store>, Option<Opened>), StoreError> {
        let process = std::process::id();
        let is_inherited =
            |id| OPENED.load().iter().any(|known| known.iter().any(|(opener, file)| *opener != process && *file == id));
        if self.id().is_some_and(is_inherited) {
            let source =
                "a SqliteStore of this file was open when this process was forked: use it first after the fork";
            return Err(StoreError::Broken { source: source.into() });
        }
        let store = open.await?;
        Ok((store, self.id().map(|id| Opened::new((process, id)))))
    }

    fn id(&self) -> Option<Id> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    }
}
