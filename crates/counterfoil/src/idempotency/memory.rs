//! A store in this process, for tests and for handlers that do not mind a repeat after a restart.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::ready;
use std::num::NonZeroU32;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::expiry::{Expiry, Place};
use super::{
    BoxFuture, Claim, ClaimRequest, Fence, Fenced, Fingerprint, IdempotencyKey, Lease, NonZeroDuration, Note,
    OnExpired, Outcome, Page, Record, Scope, State, Store, StoreError, Survives,
};
use crate::sync::{AtomicUsize, Mutex, MutexGuard, SHARDS};
use crate::time::{Clock, SystemClock, monotonic};

/// How many expired rows of its shard a claim sweeps away: more than the one it adds, so that sweeping keeps up.
const SWEEP: usize = 2;

type RowKey = (Scope, IdempotencyKey);

/// A bounded store in memory. Full of live rows it refuses new events; it never forgets one to make room.
#[derive(Debug)]
pub struct MemoryStore {
    shards: Box<[Mutex<Shard>]>,
    rows: AtomicUsize,
    most: usize,
    /// A point on both clocks, so that rows kept on the monotonic one can be shown with a date.
    started: (Instant, SystemTime),
}

#[derive(Debug)]
struct Shard {
    rows: HashMap<RowKey, Row>,
    /// Every row by the end of its retention.
    expiry: Expiry,
    /// Reaches beyond every token handed out here, so that tokens grow even past a removed row.
    token: i64,
}

#[derive(Debug)]
struct Row {
    fingerprint: Fingerprint,
    state: State,
    token: i64,
    attempts: u32,
    lease_until: Instant,
    first_at: Instant,
    expires_at: Instant,
    place: Place,
    note: Note,
    reason: Option<Note>,
}

impl MemoryStore {
    /// A store for at most `most` rows, of roughly 300 bytes each.
    #[must_use]
    pub fn new(most: NonZeroU32) -> Self {
        let now = SystemClock.now();
        let micros = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let token = i64::try_from(micros).unwrap_or(i64::MAX / 2);
        let started = (monotonic(), now);
        let shard = || Mutex::new(Shard { rows: HashMap::new(), expiry: Expiry::new(started.0), token });
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            rows: AtomicUsize::new(0),
            most: usize::try_from(most.get()).unwrap_or(usize::MAX),
            started,
        }
    }

    fn shard(&self, key: &IdempotencyKey) -> MutexGuard<'_, Shard> {
        let index = usize::from(key.as_bytes()[0]) % SHARDS;
        // A panic while the lock was held cannot have left a row half written: see `Shard`.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim_now(&self, request: &ClaimRequest, now: Instant) -> Result<Claim, StoreError> {
        let mut shard = self.shard(&request.key);
        let id = (request.scope, request.key);
        self.sweep(&mut shard, now, SWEEP);
        let shard = &mut *shard;
        let row = match shard.rows.entry(id) {
            Entry::Vacant(vacant) => {
                self.take_place()?;
                shard.token += 1;
                let place = shard.expiry.add(id, after(now, request.retention));
                vacant.insert(Row::new(request, shard.token, now, place));
                let fence = Fence { scope: id.0, key: id.1, token: shard.token, attempt: 1 };
                return Ok(Claim::Won(Lease::new(fence, now, request.lease_time)));
            }
            Entry::Occupied(occupied) => occupied.into_mut(),
        };
        if row.is_over(now) {
            // Its place is kept, its past is not; tokens grow all the same.
            row.state = State::Ready;
            row.attempts = 0;
            row.first_at = now;
            row.expires_at = now;
            row.token = row.token.max(shard.token);
            row.reason = None;
        }
        match row.state {
            State::Done => return Ok(row.settled(Outcome::Completed, request.fingerprint)),
            State::Dead => return Ok(row.settled(Outcome::Dead, request.fingerprint)),
            State::Claimed if row.lease_until > now => {
                return Ok(Claim::InFlight { retry_after: row.lease_until - now });
            }
            State::Claimed if request.on_expired == OnExpired::Park => {
                row.state = State::Dead;
                row.reason = Some(Note::new("outcome unknown"));
                return Ok(row.settled(Outcome::Dead, request.fingerprint));
            }
            State::Claimed | State::Ready => {}
        }
        let expires_at = row.expires_at.max(after(now, request.retention));
        let place = row.place;
        row.state = State::Claimed;
        row.token += 1;
        row.attempts = row.attempts.saturating_add(1);
        row.fingerprint = request.fingerprint;
        row.lease_until = after(now, request.lease_time);
        row.expires_at = expires_at;
        row.note = request.note.clone();
        let fence = Fence { scope: id.0, key: id.1, token: row.token, attempt: row.attempts };
        shard.token = shard.token.max(fence.token);
        shard.vacate(place);
        let place = shard.expiry.add(id, expires_at);
        if let Some(row) = shard.rows.get_mut(&id) {
            row.place = place;
        }
        Ok(Claim::Won(Lease::new(fence, now, request.lease_time)))
    }

    /// Takes a place, in one step: two shards cannot both take the last one, nor can a claim that finds none keep another
    /// from it.
    fn take_place(&self) -> Result<(), StoreError> {
        let take = |rows: usize| (rows < self.most).then_some(rows + 1);
        match self.rows.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(_) => Err(StoreError::Full { source: None }),
        }
    }

    /// Applies `change` if `fence` still holds the row.
    fn fenced(&self, fence: &Fence, change: impl FnOnce(&mut Row, Instant) -> Fenced) -> Fenced {
        let now = monotonic();
        let mut shard = self.shard(&fence.key);
        match shard.rows.get_mut(&(fence.scope, fence.key)) {
            Some(row) if row.state == State::Claimed && row.token == fence.token => change(row, now),
            _ => Fenced::Lost,
        }
    }

    fn remove(&self, shard: &mut Shard, id: &RowKey) -> bool {
        let Some(row) = shard.rows.remove(id) else { return false };
        shard.vacate(row.place);
        self.rows.fetch_sub(1, Ordering::Relaxed);
        true
    }

    fn sweep(&self, shard: &mut Shard, now: Instant, most: usize) -> usize {
        let is_over = |id: &&RowKey| shard.rows.get(id).is_some_and(|row| row.is_over(now));
        let over: Vec<RowKey> = shard.expiry.until(now).filter(is_over).take(most).copied().collect();
        over.iter().filter(|id| self.remove(shard, id)).count()
    }

    fn purge_now(&self, now: Instant, most: usize) -> usize {
        self.shards.iter().fold(0, |removed, shard| {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            removed + self.sweep(&mut shard, now, most - removed)
        })
    }

    fn record(&self, id: RowKey, row: &Row, now: Instant) -> Record {
        let date = |at: Instant| self.started.1.checked_add(at.saturating_duration_since(self.started.0));
        Record {
            scope: id.0,
            key: id.1,
            fingerprint: row.fingerprint,
            state: row.state,
            token: row.token,
            attempts: row.attempts,
            lease_left: if row.state == State::Claimed {
                row.lease_until.saturating_duration_since(now)
            } else {
                Duration::ZERO
            },
            first_at: date(row.first_at).unwrap_or(UNIX_EPOCH),
            expires_at: date(row.expires_at).unwrap_or(UNIX_EPOCH),
            note: row.note.clone(),
            reason: row.reason.clone(),
        }
    }
}

impl Shard {
    /// Takes a row from its place. The row that comes to stand there learns it.
    fn vacate(&mut self, place: Place) {
        let moved = self.expiry.remove(place).and_then(|moved| self.rows.get_mut(&moved));
        if let Some(row) = moved {
            row.place = place;
        }
    }
}

impl Row {
    fn new(request: &ClaimRequest, token: i64, now: Instant, place: Place) -> Self {
        Self {
            fingerprint: request.fingerprint,
            state: State::Claimed,
            token,
            attempts: 1,
            lease_until: after(now, request.lease_time),
            first_at: now,
            expires_at: after(now, request.retention),
            place,
            note: request.note.clone(),
            reason: None,
        }
    }

    /// Whether the row may be removed.
    fn is_over(&self, now: Instant) -> bool {
        self.expires_at <= now && (self.state != State::Claimed || self.lease_until <= now)
    }

    fn settled(&self, outcome: Outcome, fingerprint: Fingerprint) -> Claim {
        if self.fingerprint == fingerprint { Claim::Duplicate(outcome) } else { Claim::Conflict(outcome) }
    }
}

fn after(now: Instant, duration: NonZeroDuration) -> Instant {
    /// Longer than any process lives, and short enough that it can be added to any instant.
    const CENTURY: Duration = Duration::from_secs(100 * 366 * 86_400);
    now + duration.get().min(CENTURY)
}

impl Store for MemoryStore {
    fn claim<'a>(&'a self, request: &'a ClaimRequest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        let now = monotonic();
        let claim = match self.claim_now(request, now) {
            // Rows whose retention has passed may hold the room in the other shards. Asked again even where there
            // were none: another claim may have found them first, and left room.
            Err(StoreError::Full { .. }) => {
                self.purge_now(now, SHARDS);
                self.claim_now(request, now)
            }
            other => other,
        };
        Box::pin(ready(claim))
    }

    fn complete<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        Box::pin(ready(Ok(self.fenced(fence, |row, _| {
            row.state = State::Done;
            Fenced::Applied
        }))))
    }

    fn dead<'a>(&'a self, fence: &'a Fence, reason: &'a Note) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        Box::pin(ready(Ok(self.fenced(fence, |row, _| {
            row.state = State::Dead;
            row.reason = Some(reason.clone());
            Fenced::Applied
        }))))
    }

    fn release<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        Box::pin(ready(Ok(self.fenced(fence, |row, _| {
            row.state = State::Ready;
            Fenced::Applied
        }))))
    }

    fn extend<'a>(
        &'a self,
        fence: &'a Fence,
        lease_time: NonZeroDuration,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        Box::pin(ready(Ok(self.fenced(fence, |row, now| {
            if row.lease_until <= now {
                return Fenced::Lost;
            }
            row.lease_until = after(now, lease_time);
            Fenced::Applied
        }))))
    }

    fn purge(&self, most: NonZeroU32) -> BoxFuture<'_, Result<u64, StoreError>> {
        let removed = self.purge_now(monotonic(), usize::try_from(most.get()).unwrap_or(usize::MAX));
        Box::pin(ready(Ok(u64::try_from(removed).unwrap_or(u64::MAX))))
    }

    fn forget(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<bool, StoreError>> {
        let mut shard = self.shard(&key);
        let live = shard.rows.get(&(scope, key)).is_some_and(|row| !row.is_over(monotonic()));
        self.remove(&mut shard, &(scope, key));
        Box::pin(ready(Ok(live)))
    }

    fn get(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        let now = monotonic();
        let shard = self.shard(&key);
        let row = shard.rows.get(&(scope, key)).filter(|row| !row.is_over(now));
        Box::pin(ready(Ok(row.map(|row| self.record((scope, key), row, now)))))
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        let now = monotonic();
        let mut records = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let rows = shard.rows.iter().filter(|(id, row)| {
                !row.is_over(now)
                    && page.state.is_none_or(|state| row.state == state)
                    && page.after.is_none_or(|after| **id > after)
            });
            records.extend(rows.map(|(id, row)| self.record(*id, row, now)));
        }
        records.sort_unstable_by_key(|record| (record.scope, record.key));
        records.truncate(usize::try_from(page.most.get()).unwrap_or(usize::MAX));
        Box::pin(ready(Ok(records)))
    }

    fn durability(&self) -> Survives {
        Survives::Nothing
    }
}
