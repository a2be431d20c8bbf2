//! The thread that owns the connection: group commit.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use counterfoil::idempotency::{BoxFuture, StoreError};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::oneshot;

use crate::statements::{self, Step};

/// Operations that may wait for the thread. Beyond that callers are told at once.
const QUEUE: usize = 4096;

/// Operations that share one transaction at most, so that the first of them need not wait long.
const BATCH: usize = 512;

/// How long a batch waits for the callers that the last one answered: far less than a sync takes.
const GATHER: Duration = Duration::from_micros(200);

/// Expired rows that go after a batch, and how often.
const PURGE_ROWS: NonZeroU32 = NonZeroU32::new(500).expect("not zero");
const PURGE_EVERY: Duration = Duration::from_secs(1);

/// One caller's operation: run in a transaction, perhaps in a second one, and answered once its commit is known.
trait Job: Send {
    fn run(&mut self, step: &Step<'_>) -> rusqlite::Result<()>;
    fn answer(self: Box<Self>, committed: Result<(), Failure>);
}

struct Asked<T, F> {
    operation: F,
    value: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: Fn(&Step<'_>) -> rusqlite::Result<T> + Send> Job for Asked<T, F> {
    fn run(&mut self, step: &Step<'_>) -> rusqlite::Result<()> {
        self.value = Some((self.operation)(step)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), Failure>) {
        let value = self.value.ok_or_else(|| unavailable("the operation did not run"));
        // A caller that has gone away needs no answer.
        let _ = self.reply.send(committed.map_err(store_error).and(value));
    }
}

/// Why a transaction failed. Shared by all who were in it.
#[derive(Debug, Clone)]
struct Failure {
    source: Arc<rusqlite::Error>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Job,
    Commit,
}

impl Failure {
    fn new(stage: Stage, source: rusqlite::Error) -> Self {
        tracing::error!(target: "counterfoil", error = %source, ?stage, "a SQLite transaction failed");
        Self { source: Arc::new(source), stage }
    }

    fn is_full(&self) -> bool {
        self.source.sqlite_error_code() == Some(ErrorCode::DiskFull)
    }

    /// A commit that broke off may have taken hold. A full disk is noticed before that.
    fn is_unknown(&self) -> bool {
        self.stage == Stage::Commit && !self.is_full()
    }

    /// Whether others in the same transaction may work without the one that failed.
    fn is_of_one(&self) -> bool {
        self.stage == Stage::Job || (self.stage == Stage::Commit && self.is_full())
    }
}

#[derive(Debug)]
pub(crate) struct Writer {
    jobs: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(connection: Connection) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(QUEUE);
        let thread = thread::Builder::new().name("counterfoil-sqlite".into()).spawn(move || {
            Loop { connection, queue, token: 0, last_batch: 1, purged_at: Instant::now() }.run();
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `operation` in the next transaction. It is queued at once, and runs even if the future is dropped.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        operation: impl Fn(&Step<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Asked { operation, value: None, reply });
        let queued = self.jobs.as_ref().map(|jobs| jobs.try_send(job));
        Box::pin(async move {
            match queued {
                Some(Ok(())) => match answer.await {
                    Ok(result) => result,
                    Err(_) => Err(unavailable("the store's thread ended")),
                },
                Some(Err(TrySendError::Full(_))) => Err(unavailable("too many operations are waiting")),
                Some(Err(TrySendError::Disconnected(_))) | None => Err(unavailable("the store is closed")),
            }
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        // A waker that the thread itself runs may hold the last clone: a thread cannot wait for itself.
        let other = self.thread.take().filter(|thread| thread.thread().id() != thread::current().id());
        if let Some(thread) = other
            && thread.join().is_err()
        {
            tracing::error!(target: "counterfoil", "the SQLite store's thread panicked");
        }
    }
}

/// What the thread keeps between batches.
struct Loop {
    connection: Connection,
    queue: Receiver<Box<dyn Job>>,
    token: i64,
    last_batch: usize,
    purged_at: Instant,
}

impl Loop {
    fn run(mut self) {
        while let Ok(first) = self.queue.recv() {
            let batch = self.gather(first);
            self.last_batch = batch.len();
            self.commit(batch);
            self.purge();
        }
    }

    /// Takes what waits. Callers that the last batch has just answered are on their way back with their next
    /// operation: waiting for them a little saves a sync. Where callers come one by one, none waits.
    fn gather(&self, first: Box<dyn Job>) -> Vec<Box<dyn Job>> {
        let mut batch = vec![first];
        let give_up = Instant::now() + GATHER;
        while batch.len() < BATCH {
            let patience = if batch.len() < self.last_batch {
                give_up.saturating_duration_since(Instant::now())
            } else {
                Duration::ZERO
            };
            let next = self.queue.recv_timeout(patience).ok();
            match next {
                Some(job) => batch.push(job),
                None => break,
            }
        }
        batch
    }

    /// Answers the whole batch. Where it fails as one, each operation gets a transaction of its own, so that
    /// one that cannot work costs nobody else anything.
    fn commit(&mut self, mut batch: Vec<Box<dyn Job>>) {
        let result = self.transact(&mut batch);
        let alone = batch.len() > 1 && result.as_ref().is_err_and(Failure::is_of_one);
        for mut job in batch {
            let result = if alone { self.transact(std::slice::from_mut(&mut job)) } else { result.clone() };
            job.answer(result);
        }
    }

    /// Runs the jobs in one transaction. Immediate: a transaction that read first could not be upgraded while
    /// another process writes.
    fn transact(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(|source| Failure::new(Stage::Begin, source))?;
        for job in jobs {
            let step = Step::after(&transaction, self.token);
            self.token = step.token;
            job.run(&step).map_err(|source| Failure::new(Stage::Job, source))?;
        }
        transaction.commit().map_err(|source| Failure::new(Stage::Commit, source))
    }

    fn purge(&mut self) {
        if self.purged_at.elapsed() < PURGE_EVERY {
            return;
        }
        self.purged_at = Instant::now();
        if let Err(error) = statements::purge(&Step::after(&self.connection, self.token), PURGE_ROWS) {
            tracing::warn!(target: "counterfoil", %error, "expired events could not be purged");
        }
    }
}

fn store_error(failure: Failure) -> StoreError {
    let (code, unknown) = (failure.source.sqlite_error_code(), failure.is_unknown());
    let source = Box::new(failure.source);
    match code {
        Some(ErrorCode::DiskFull) => StoreError::Full { source: Some(source) },
        _ if unknown => StoreError::CommitUnknown { source },
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed,
        ) => StoreError::Unavailable { source },
        _ => StoreError::Broken { source },
    }
}

fn unavailable(reason: &'static str) -> StoreError {
    StoreError::Unavailable { source: reason.into() }
}
