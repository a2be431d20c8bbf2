//! The threads that do what has to wait. None of them ever waits for the interpreter, so that none can hang it, or be hung
//! by its end.

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use counterfoil::idempotency::BoxFuture;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::process::PerProcess;

/// What waits is the network and the disk, and it hardly computes.
const THREADS: usize = 2;

static RUNTIME: PerProcess<OnceLock<Runtime>> = PerProcess::new();

/// This process's runtime.
///
/// # Errors
/// The operating system grants no thread.
pub(crate) fn handle() -> io::Result<Handle> {
    let cell = RUNTIME.get();
    if let Some(runtime) = cell.get() {
        return Ok(runtime.handle().clone());
    }
    let runtime =
        Builder::new_multi_thread().worker_threads(THREADS).thread_name("counterfoil").enable_all().build()?;
    Ok(cell.get_or_init(|| runtime).handle().clone())
}

/// The engine's view of it.
#[derive(Clone)]
pub(crate) struct Tokio(pub(crate) Handle);

impl counterfoil::receiver::Runtime for Tokio {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let _context = self.0.enter();
        // A handler that has used up its task's budget must not keep its own time limit from being seen.
        Box::pin(tokio::task::unconstrained(tokio::time::sleep(duration)))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn(task);
    }
}
