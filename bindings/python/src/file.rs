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

/// Which process has opened which file. A child finds its parent's entries; swapped whole, since a fork could leave a lock
/// closed.
static OPENED: ArcSwapOption<Vec<(u32, Id)>> = ArcSwapOption::const_empty();

impl File {
    pub(crate) fn new(path: PathBuf, guard: Py<PyAny>) -> Self {
        Self { path, _guard: guard }
    }

    /// Opens it by `open`, unless another process has, which then is an ancestor of this one.
    pub(crate) async fn opening(
        &self,
        open: impl Future<Output = Result<Arc<dyn Store>, StoreError>>,
    ) -> Result<Arc<dyn Store>, StoreError> {
        let process = std::process::id();
        let is_inherited =
            |id| OPENED.load().iter().any(|known| known.iter().any(|(opener, file)| *opener != process && *file == id));
        if self.id().is_some_and(is_inherited) {
            let source =
                "a SqliteStore of this file was open when this process was forked: use it first after the fork";
            return Err(StoreError::Broken { source: source.into() });
        }
        let store = open.await?;
        if let Some(id) = self.id() {
            OPENED.rcu(|known| {
                let known = known.iter().flat_map(|known| known.iter().copied());
                Some(Arc::new(known.chain([(process, id)]).collect()))
            });
        }
        Ok(store)
    }

    fn id(&self) -> Option<Id> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    }
}
