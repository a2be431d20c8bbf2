//! What a store must do, to the letter. The same laws stand as public functions in
//! `counterfoil::testing::store` (feature `testing`).

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Fence, Fingerprint, IdempotencyKey, Lease, NonZeroDuration, Scope};
use crate::Delivery;

/// A future that can be kept behind `dyn Store` and sent to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Remembers events: one row per `(scope, key)`.
///
/// ```text
///            claim                      complete(token)
/// (absent) --------> CLAIMED(token) ---------------------> DONE
///     ^               |    ^   |      dead(token)
///     | purge         |    |   +-------------------------> DEAD
///     | forget        |    +-- claim, once the lease has passed (token grows)
///     +---------------+------- release(token) -----------> READY, claimable at once
/// ```
///
/// # Laws
/// 1. Of any number of concurrent claims of one key, at most one is won, in any number of processes.
/// 2. A live claim answers in flight, with the time left; it is never answered as a duplicate.
/// 3. A completed or dead event answers as such until its retention has passed, and with
///    [`Claim::Conflict`] where the fingerprint differs.
/// 4. A released event, and a claimed one whose lease has passed, can be claimed at once; the latter only
///    under [`OnExpired::Takeover`]. Under [`OnExpired::Park`] it becomes dead.
/// 5. Tokens grow per key and attempts count up. Completing, burying, releasing and extending change
///    something only for the current token of a claimed row, and say [`Fenced::Lost`] otherwise. A holder
///    whose lease has passed may still complete while nobody has taken over; it may no longer extend.
/// 6. The store's clock decides leases and retention, never the caller's.
/// 7. A row whose retention has not passed is never removed, except by `forget`; neither is a claimed row
///    whose lease is alive. A full store refuses new events with an error: it never makes room.
/// 8. Every operation is one atomic step, and durable as [`durability`](Self::durability) says before its
///    future is ready. Dropping the future leaves the row as it was, or as the operation would have left it.
/// 9. No failure reads as "not seen": what could not be asked is an error.
///
/// There are no default methods: a store that cannot do one of these is not a store.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Claims an event for handling.
    fn claim<'a>(&'a self, request: &'a ClaimRequest) -> BoxFuture<'a, Result<Claim, StoreError>>;

    /// Marks the event as done.
    fn complete<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>>;

    /// Marks the event as one that is never to be handled again, with a reason for people.
    fn dead<'a>(&'a self, fence: &'a Fence, reason: &'a Note) -> BoxFuture<'a, Result<Fenced, StoreError>>;

    /// Makes the event claimable at once.
    fn release<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>>;

    /// Lets the lease end `lease_time` from now.
    fn extend<'a>(&'a self, fence: &'a Fence, lease_time: NonZeroDuration)
    -> BoxFuture<'a, Result<Fenced, StoreError>>;

    /// Removes at most `most` rows whose retention has passed and says how many it removed.
    fn purge(&self, most: NonZeroU32) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Removes the row whatever its state, so that a redelivery is handled anew. Says whether there was one.
    fn forget(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// The row as it is now; `None` where there is none, or its retention has passed.
    fn get(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>>;

    /// Rows whose retention has not passed, by scope and key.
    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Vec<Record>, StoreError>>;

    /// What an acknowledged write survives.
    fn durability(&self) -> Survives;
}

/// What an acknowledged write survives, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Survives {
    /// Nothing: it lives in this process.
    Nothing,
    /// The end of this process, however it comes.
    ProcessCrash,
    /// Loss of power.
    PowerLoss,
    /// Loss of the machine.
    NodeLoss,
}

/// A request to handle an event.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// The part of the store.
    pub scope: Scope,
    /// The event.
    pub key: IdempotencyKey,
    /// Its body.
    pub fingerprint: Fingerprint,
    /// How long the event is ours if we win.
    pub lease_time: NonZeroDuration,
    /// How long the row is kept from now.
    pub retention: NonZeroDuration,
    /// What to do with a claimed row whose lease has passed.
    pub on_expired: OnExpired,
    /// The event in words, for people who list the store.
    pub note: Note,
}

/// What is kept of a text for people.
const MAX_NOTE_BYTES: usize = 255;

/// A short text for people, in which an event or the reason of its end is written down.
///
/// ```
/// use counterfoil::idempotency::Note;
///
/// assert_eq!(Note::new("é".repeat(1000)).as_str().len(), 254);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note(Arc<str>);

impl Note {
    /// Keeps at most 255 bytes of `text`, cut at a character's edge.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        if text.len() <= MAX_NOTE_BYTES {
            return Self(text);
        }
        let end = (0..=MAX_NOTE_BYTES).rev().find(|end| text.is_char_boundary(*end));
        Self(text[..end.unwrap_or(0)].into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Delivery> for Note {
    /// The event in words: endpoint, type and id.
    fn from(delivery: &Delivery) -> Self {
        let (endpoint, event_type) = (delivery.endpoint(), delivery.event_type().unwrap_or("event"));
        Self::new(match delivery.event_id() {
            Some(id) => [endpoint, " ", event_type, " ", id.as_str()].concat(),
            None => [endpoint, " ", event_type].concat(),
        })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What becomes of an event whose holder vanished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnExpired {
    /// The next delivery handles it again.
    #[default]
    Takeover,
    /// It becomes dead with the reason `outcome unknown`, for a person to decide.
    Park,
}

/// The answer to a claim.
#[derive(Debug)]
#[must_use]
pub enum Claim {
    /// The event is ours.
    Won(Lease),
    /// Somebody else is handling it.
    InFlight {
        /// How long their lease still runs.
        retry_after: Duration,
    },
    /// It was settled, with the same body.
    Duplicate(Outcome),
    /// It was settled, with another body.
    Conflict(Outcome),
}

/// How an event was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A handler completed it.
    Completed,
    /// It is never to be handled.
    Dead,
}

/// Whether a settling write took hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Fenced {
    /// It did.
    Applied,
    /// It did not: the row is not claimed under this token any more.
    Lost,
}

/// The state of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Claimable.
    Ready,
    /// Being handled, or its holder vanished.
    Claimed,
    /// Completed.
    Done,
    /// Never to be handled.
    Dead,
}

impl State {
    /// The number under which every store keeps this state.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        match self {
            Self::Ready => 0,
            Self::Claimed => 1,
            Self::Done => 2,
            Self::Dead => 3,
        }
    }

    /// The state of that number; `None` for a number from a later version.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Ready),
            1 => Some(Self::Claimed),
            2 => Some(Self::Done),
            3 => Some(Self::Dead),
            _ => None,
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Claimed => "claimed",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }
}

/// One row.
#[derive(Debug, Clone)]
pub struct Record {
    /// The part of the store.
    pub scope: Scope,
    /// The event.
    pub key: IdempotencyKey,
    /// The body that was claimed last.
    pub fingerprint: Fingerprint,
    /// The state.
    pub state: State,
    /// The token of the last claim.
    pub token: i64,
    /// How often it was claimed.
    pub attempts: u32,
    /// How long the lease still runs; zero where there is none.
    pub lease_left: Duration,
    /// When the event was claimed first.
    pub first_at: SystemTime,
    /// When the row may be removed.
    pub expires_at: SystemTime,
    /// The event in words.
    pub note: Note,
    /// Why it is dead.
    pub reason: Option<Note>,
}

/// A page of a listing.
#[derive(Debug, Clone)]
pub struct Page {
    /// Only rows of this state.
    pub state: Option<State>,
    /// Only rows behind this one.
    pub after: Option<(Scope, IdempotencyKey)>,
    /// At most so many.
    pub most: NonZeroU32,
}

/// The store could not do what it was asked. Never a statement about the event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be reached, or is too busy. Trying again may help.
    #[error("the store is unavailable")]
    Unavailable {
        /// What the engine said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It has no room for another event.
    #[error("the store is full")]
    Full {
        /// What the engine said, where there is one.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The connection broke while a write was under way: it may or may not have taken hold.
    #[error("it is not known whether the write took hold")]
    CommitUnknown {
        /// What the engine said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It answered something that no version of this store writes, or refused a statement.
    #[error("the store is damaged, or of another version")]
    Broken {
        /// What the engine said.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        !matches!(self, Self::Broken { .. })
    }

    /// Whether the write may have taken hold all the same.
    #[must_use]
    pub const fn commit_unknown(&self) -> bool {
        matches!(self, Self::CommitUnknown { .. })
    }
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn claim<'a>(&'a self, request: &'a ClaimRequest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        (**self).claim(request)
    }

    fn complete<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        (**self).complete(fence)
    }

    fn dead<'a>(&'a self, fence: &'a Fence, reason: &'a Note) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        (**self).dead(fence, reason)
    }

    fn release<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        (**self).release(fence)
    }

    fn extend<'a>(
        &'a self,
        fence: &'a Fence,
        lease_time: NonZeroDuration,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        (**self).extend(fence, lease_time)
    }

    fn purge(&self, most: NonZeroU32) -> BoxFuture<'_, Result<u64, StoreError>> {
        (**self).purge(most)
    }

    fn forget(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<bool, StoreError>> {
        (**self).forget(scope, key)
    }

    fn get(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        (**self).get(scope, key)
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        (**self).list(page)
    }

    fn durability(&self) -> Survives {
        (**self).durability()
    }
}
