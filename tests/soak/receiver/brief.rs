//! A store that forgets sooner than a receiver lets it.

use std::num::NonZeroU32;
use std::sync::Arc;

use counterfoil::idempotency::{
    BoxFuture, Claim, ClaimRequest, Fence, Fenced, IdempotencyKey, NonZeroDuration, Note, Page, Record, Scope, Store,
    StoreError, Survives,
};

#[derive(Debug)]
pub(crate) struct Brief {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) retention: NonZeroDuration,
}

impl Store for Brief {
    fn claim<'a>(&'a self, request: &'a ClaimRequest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        let brief = ClaimRequest { retention: self.retention, ..request.clone() };
        Box::pin(async move { self.store.claim(&brief).await })
    }

    fn complete<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.store.complete(fence)
    }

    fn dead<'a>(&'a self, fence: &'a Fence, reason: &'a Note) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.store.dead(fence, reason)
    }

    fn release<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.store.release(fence)
    }

    fn extend<'a>(
        &'a self,
        fence: &'a Fence,
        lease_time: NonZeroDuration,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.store.extend(fence, lease_time)
    }

    fn purge(&self, most: NonZeroU32) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.store.purge(most)
    }

    fn forget(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.store.forget(scope, key)
    }

    fn get(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.store.get(scope, key)
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        self.store.list(page)
    }

    fn durability(&self) -> Survives {
        self.store.durability()
    }
}
