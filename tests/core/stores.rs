//! The store contract on what the core brings with it.

use std::num::NonZeroU32;
use std::sync::Arc;

use counterfoil::idempotency::{MemoryStore, Store};
use counterfoil::testing::store;

fn memory() -> MemoryStore {
    MemoryStore::new(NonZeroU32::new(10_000).expect("not zero"))
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    store::check(&memory()).await;
}

#[tokio::test]
async fn a_shared_store_keeps_the_contract() {
    let shared: Arc<dyn Store> = Arc::new(memory());
    store::check(&shared).await;
    store::threads_win_each_key_once(&shared);
}
