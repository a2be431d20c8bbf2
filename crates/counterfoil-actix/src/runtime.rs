//! tokio, as the receiver sees a runtime.

use std::time::Duration;

use counterfoil::idempotency::BoxFuture;
use counterfoil::receiver::Runtime;

/// Sleeps and spawns on the tokio runtime of the worker that it is called from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tokio;

impl Runtime for Tokio {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        // A handler that has used up its task's budget must not keep its own time limit from being seen.
        Box::pin(tokio::task::unconstrained(tokio::time::sleep(duration)))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}
