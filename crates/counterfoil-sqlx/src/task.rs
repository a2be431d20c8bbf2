//! Operations that go on when their caller does not.

use counterfoil::idempotency::{BoxFuture, StoreError};
use tokio::runtime::Handle;

use crate::error::{Failure, Stage, ended};

/// Runs `operation` on the store's own runtime, so that neither the caller's runtime nor its patience matters.
pub(crate) fn spawn<T: Send + 'static>(
    runtime: &Handle,
    stage: Stage,
    operation: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> BoxFuture<'static, Result<T, StoreError>> {
    let task = runtime.spawn(operation);
    Box::pin(async move { Ok(task.await.map_err(|_| ended(stage))??) })
}
