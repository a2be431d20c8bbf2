//! counterfoil's store on Redis or Valkey, from version 5.
//!
//! One key per event, and one script per operation: each is one atomic step, on the server's clock, in one round
//! trip. Callers share one connection, which is made anew by itself when it broke.
//!
//! What an acknowledged event survives is the server's to say, and read when it is connected to:
//!
//! | `appendonly`, `appendfsync` | [`Survives`] |
//! | --- | --- |
//! | `no`, or not told | `Nothing`: the server as it comes loses what it was told last when it ends |
//! | `yes`, `everysec` | `ProcessCrash`: two seconds may be lost with the power, or with a server whose disk is behind |
//! | `yes`, `always` (and `no-appendfsync-on-rewrite no`) | `PowerLoss` |
//!
//! Replicas follow later than the answer, so a failover may forget events. Where effects do not bear a repeat, keep
//! the events in the database that keeps the effects.
//!
//! A server that removes keys when its memory is full is refused (`maxmemory` without `noeviction`), as are a
//! replica and a node of a cluster. The server's user needs `INFO`, `EVALSHA`, `EVAL`, `SCAN`, `PING`, `TIME`,
//! `HMGET`, `HSET`, `HDEL`, `EXISTS`, `PEXPIREAT` and `DEL`, and `CONFIG GET` for anything better than `Nothing`.
//! An event takes roughly 300 bytes, or 800 where its note is longer than 64.
//!
//! ```no_run
//! use counterfoil::{senders, Receiver, Secret};
//! use counterfoil_redis::RedisStore;
//!
//! # async fn build() -> Result<(), Box<dyn std::error::Error>> {
//! let store = RedisStore::open("redis://127.0.0.1:6379/0").await?;
//! let receiver = Receiver::builder(senders::HANDL).secret(Secret::new("whsec_example_0123")?).store(store).build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! - `tls-rustls`: `rediss://` addresses, checked against the system's certificates. The program installs one of
//!   rustls' `CryptoProvider`s when it starts.

mod error;
mod link;
mod open;
mod rows;
mod scripts;
mod server;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Instant;

use counterfoil::idempotency::{
    BoxFuture, Claim, ClaimRequest, Fence, Fenced, IdempotencyKey, NonZeroDuration, Note, Page, Record, Scope, State,
    Store, StoreError, Survives,
};

pub use open::{OpenError, RedisStoreBuilder};

use rows::Keys;
use scripts::Call;
use wire::Wire;

/// Names that the server is asked for at once when listing: few enough to leave room for deliveries meanwhile.
const SCAN: u32 = 200;

/// A store on a Redis or Valkey server. Cheap to clone; clones share one connection.
#[derive(Clone)]
pub struct RedisStore {
    wire: Wire,
    keys: Keys,
}

impl RedisStore {
    /// Connects to the server at `url`: `redis://`, `rediss://` (feature `tls-rustls`) or `redis+unix://`, with
    /// `user:password@` and the number of the database where needed.
    ///
    /// # Errors
    /// As of [`RedisStoreBuilder::open`].
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::builder(url).open().await
    }

    /// A store on the server at `url` that is not open yet.
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url)
    }

    fn settle<'a>(
        &self,
        fence: &Fence,
        state: State,
        reason: Option<&Note>,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        let answer = self.wire.submit(self.keys.settle(fence, state, reason));
        Box::pin(async move { rows::fenced(answer.await?) })
    }

    /// The page's rows. The server keeps them in no order, so all names are looked at, and of the rows no more kept
    /// than asked for.
    async fn walk(&self, page: &Page) -> Result<Vec<Record>, StoreError> {
        let most = usize::try_from(page.most.get()).unwrap_or(usize::MAX);
        let mut found = BTreeMap::new();
        let mut cursor = 0;
        loop {
            let (next, names): (u64, Vec<Vec<u8>>) = rows::read(self.wire.submit(self.scan(cursor)).await?)?;
            let behind = |id: &(Scope, IdempotencyKey)| page.after.is_none_or(|after| *id > after);
            let ids = names.iter().filter_map(|name| self.keys.parse(name)).filter(behind);
            let last = found.last_key_value().filter(|_| found.len() >= most).map(|(id, _)| *id);
            let ids = ids.filter(|id| last.is_none_or(|last| *id < last));
            let answers: Vec<_> = ids.map(|id| (id, self.wire.submit(self.keys.get(id.0, id.1)))).collect();
            for (id, answer) in answers {
                let row = rows::record(answer.await?, id.0, id.1)?;
                let row = row.filter(|row| page.state.is_none_or(|state| row.state == state));
                found.extend(row.map(|row| (id, row)));
                if found.len() > most {
                    found.pop_last();
                }
            }
            if next == 0 {
                return Ok(found.into_values().collect());
            }
            cursor = next;
        }
    }

    fn scan(&self, cursor: u64) -> Call {
        let mut command = redis::cmd("SCAN");
        command.arg(cursor).arg("MATCH").arg(self.keys.pattern()).arg("COUNT").arg(SCAN);
        Call::reading(command)
    }
}

/// Without the address, which may hold a password.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.keys.prefix())
            .field("durability", &self.durability())
            .finish_non_exhaustive()
    }
}

impl Store for RedisStore {
    fn claim<'a>(&'a self, request: &'a ClaimRequest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        let asked_at = Instant::now();
        let answer = self.wire.submit(self.keys.claim(request));
        Box::pin(async move { rows::claimed(answer.await?, request, asked_at) })
    }

    fn complete<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.settle(fence, State::Done, None)
    }

    fn dead<'a>(&'a self, fence: &'a Fence, reason: &'a Note) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.settle(fence, State::Dead, Some(reason))
    }

    fn release<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.settle(fence, State::Ready, None)
    }

    fn extend<'a>(
        &'a self,
        fence: &'a Fence,
        lease_time: NonZeroDuration,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        let answer = self.wire.submit(self.keys.extend(fence, lease_time));
        Box::pin(async move { rows::fenced(answer.await?) })
    }

    /// Nothing is left to remove: each row goes by itself when its retention, and the lease on it, have passed.
    fn purge(&self, _most: NonZeroU32) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(std::future::ready(Ok(0)))
    }

    fn forget(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<bool, StoreError>> {
        let answer = self.wire.submit(self.keys.forget(scope, key));
        Box::pin(async move { rows::yes(answer.await?) })
    }

    fn get(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        let answer = self.wire.submit(self.keys.get(scope, key));
        Box::pin(async move { rows::record(answer.await?, scope, key) })
    }

    /// For people: every call looks at the names of all keys in the server's database, whoever they belong to.
    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        Box::pin(self.walk(page))
    }

    fn durability(&self) -> Survives {
        self.wire.survives()
    }
}
