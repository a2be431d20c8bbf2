//! Operations that arrive together share one statement, one round trip and one sync.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use counterfoil::idempotency::{BoxFuture, StoreError};
use sqlx::PgPool;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::line::Line;
use crate::error::{Stage, ended};

/// Operations that may wait. Beyond that callers are told at once.
const QUEUE: usize = 4096;

/// Operations that share one statement at most, so that the first of them need not wait long.
const BATCH: usize = 256;

/// How often a task that could ask lets others run first.
const GATHER: usize = 4;

/// How long a connection is kept for the next operation.
const LINGER: Duration = Duration::from_millis(5);

/// What many callers ask at once.
pub(super) trait Batched: Send + Sync + 'static {
    /// What one caller asks.
    type Ask: Send;
    /// What it is told.
    type Answer: Send;

    /// Asks for all of them in one statement, and answers each.
    fn run(&self, line: &mut Line, batch: Vec<Asked<Self>>) -> impl Future<Output = ()> + Send;
}

/// One caller's question.
pub(super) struct Asked<B: Batched + ?Sized> {
    pub(super) ask: B::Ask,
    reply: oneshot::Sender<Result<B::Answer, StoreError>>,
}

impl<B: Batched> Asked<B> {
    pub(super) fn answer(self, answer: Result<B::Answer, StoreError>) {
        // A caller that has gone away needs no answer.
        let _ = self.reply.send(answer);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }
}

/// A queue that one task drains. While its statement runs, what arrives gathers for the next one: where callers come
/// one by one none waits, and the more there are, the more share a statement.
pub(super) struct Batcher<B: Batched> {
    batched: Arc<B>,
    queue: Arc<Shared<B>>,
}

struct Shared<B: Batched> {
    queue: Mutex<Queue<B>>,
    arrived: Notify,
}

struct Queue<B: Batched> {
    waiting: Vec<Asked<B>>,
    draining: bool,
}

impl<B: Batched> Batcher<B> {
    pub(super) fn new(batched: B) -> Self {
        let queue = Queue { waiting: Vec::new(), draining: false };
        Self {
            batched: Arc::new(batched),
            queue: Arc::new(Shared { queue: Mutex::new(queue), arrived: Notify::new() }),
        }
    }

    /// Queues `ask` at once: a settlement is made even if its future is dropped.
    pub(super) fn submit(
        &self,
        runtime: &Handle,
        pool: &PgPool,
        ask: B::Ask,
    ) -> BoxFuture<'static, Result<B::Answer, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let mut queue = self.queue.lock();
        if queue.waiting.len() >= QUEUE {
            return Box::pin(std::future::ready(Err(unavailable("too many operations are waiting"))));
        }
        queue.waiting.push(Asked { ask, reply });
        let idle = !mem::replace(&mut queue.draining, true);
        // A runtime that has ended drops the task at once, which takes the lock.
        drop(queue);
        if idle {
            let drain = Drain { queue: self.queue.clone(), rested: false };
            runtime.spawn(drain.run(self.batched.clone(), Line::new(pool.clone())));
        } else {
            self.queue.arrived.notify_one();
        }
        Box::pin(async move { answer.await.map_err(|_| ended(Stage::Write))? })
    }
}

/// The task that empties the queue. Where it ends early, because its runtime does, nobody is left waiting.
struct Drain<B: Batched> {
    queue: Arc<Shared<B>>,
    /// Whether the queue is another task's affair by now.
    rested: bool,
}

impl<B: Batched> Drain<B> {
    async fn run(mut self, batched: Arc<B>, mut line: Line) {
        let mut last = 1;
        while let Some(batch) = self.next(last).await {
            last = batch.len();
            batched.run(&mut line, batch).await;
            line.share();
        }
    }

    /// What has gathered; `None` where nothing comes for a while: callers that were just answered often come back at
    /// once, and the connection need not be taken anew.
    async fn next(&mut self, last: usize) -> Option<Vec<Asked<B>>> {
        loop {
            self.let_gather(last).await;
            let batch = self.queue.take();
            if !batch.is_empty() {
                return Some(batch);
            }
            let arrived = timeout(LINGER, self.queue.arrived.notified()).await;
            if arrived.is_err() && self.queue.rest() {
                self.rested = true;
                return None;
            }
        }
    }

    /// Lets the callers that were answered together come back together, as far as they are ready to run. Where nobody
    /// is, this is over at once.
    async fn let_gather(&self, last: usize) {
        // One that came alone has left nobody to wait for.
        for _ in 0..GATHER {
            if last == 1 || self.queue.lock().waiting.len() >= last {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

impl<B: Batched> Drop for Drain<B> {
    fn drop(&mut self) {
        if !self.rested {
            let mut queue = self.queue.lock();
            queue.draining = false;
            let left = mem::take(&mut queue.waiting);
            // Those who wait are woken without the lock.
            drop(queue);
            drop(left);
        }
    }
}

impl<B: Batched> Shared<B> {
    fn lock(&self) -> MutexGuard<'_, Queue<B>> {
        // Nothing that could panic runs under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the next operation start a task of its own, unless one has arrived.
    fn rest(&self) -> bool {
        let mut queue = self.lock();
        queue.draining = !queue.waiting.is_empty();
        !queue.draining
    }

    fn take(&self) -> Vec<Asked<B>> {
        let mut queue = self.lock();
        let most = queue.waiting.len().min(BATCH);
        let rest = queue.waiting.split_off(most);
        mem::replace(&mut queue.waiting, rest)
    }
}

pub(super) fn unavailable(reason: &'static str) -> StoreError {
    StoreError::Unavailable { source: reason.into() }
}
