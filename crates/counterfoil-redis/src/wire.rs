//! The queue before the connection, and the task that empties it.

use std::error::Error;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use counterfoil::idempotency::{StoreError, Survives};
use redis::Value;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::OpenError;
use crate::error::{interrupted, unavailable};
use crate::link::{Dialer, Link};
use crate::scripts::Call;

/// Calls that may wait. Beyond that callers are told at once.
const QUEUE: usize = 4096;

/// Calls that travel together at most.
const BATCH: usize = 256;

/// Batches under way at once: with one alone, whoever just missed it waits for two round trips.
const BATCHES: usize = 4;

/// A call that waited longer for its turn is not sent any more. This, one answer that is awaited, and another one where
/// the script had to be sent in full, come to five seconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long after a failed attempt no other is made.
const PAUSE: Duration = Duration::from_millis(100);

/// One caller's call, and where its answer goes.
pub(crate) struct Job {
    pub(crate) call: Call,
    asked_at: Instant,
    reply: oneshot::Sender<Result<Value, StoreError>>,
}

impl Job {
    pub(crate) fn answer(self, answer: Result<Value, StoreError>) {
        // A caller that has gone away needs no answer.
        let _ = self.reply.send(answer);
    }
}

/// The callers' end.
#[derive(Clone)]
pub(crate) struct Wire {
    queue: mpsc::Sender<Job>,
    survives: Arc<Mutex<Survives>>,
}

impl Wire {
    /// Connects, and starts the task on `runtime`. It ends with the last clone.
    pub(crate) async fn open(dialer: Dialer, runtime: &Handle) -> Result<Self, OpenError> {
        let (link, survives) = dialer.dial().await?;
        let (sender, queue) = mpsc::channel(QUEUE);
        let survives = Arc::new(Mutex::new(survives));
        let driver = Driver { queue, dialer, link: Some(link), failed: None, survives: survives.clone() };
        runtime.spawn(driver.run());
        Ok(Self { queue: sender, survives })
    }

    /// What writes survive on the server that was connected to last.
    pub(crate) fn survives(&self) -> Survives {
        *self.survives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends `call` with the next batch. It is queued at once, and sent even if the future is dropped.
    pub(crate) fn submit(&self, call: Call) -> impl Future<Output = Result<Value, StoreError>> + Send + use<> {
        let writes = call.writes();
        let (reply, answer) = oneshot::channel();
        let queued = self.queue.try_send(Job { call, asked_at: Instant::now(), reply }).map_err(|error| match error {
            TrySendError::Full(_) => unavailable("too many operations are waiting"),
            TrySendError::Closed(_) => unavailable("the runtime that the store was opened on has ended"),
        });
        async move {
            queued?;
            let ended = |_| Err(interrupted("the runtime that the store was opened on has ended", writes));
            answer.await.unwrap_or_else(ended)
        }
    }
}

/// Sends what waits, over a connection that it makes anew when it broke.
struct Driver {
    queue: mpsc::Receiver<Job>,
    dialer: Dialer,
    link: Option<Link>,
    failed: Option<(Instant, Arc<OpenError>)>,
    survives: Arc<Mutex<Survives>>,
}

impl Driver {
    async fn run(mut self) {
        let places = Arc::new(Semaphore::new(BATCHES));
        let mut batch = Vec::new();
        // The place comes first: while all are taken, the next batch grows.
        while let Ok(place) = places.clone().acquire_owned().await {
            if self.queue.recv_many(&mut batch, BATCH).await == 0 {
                return;
            }
            match self.link().await {
                Ok(link) => {
                    let batch = in_time(&mut batch);
                    tokio::spawn(async move {
                        link.carry(batch).await;
                        drop(place);
                    });
                }
                Err(error) => self.refuse(&mut batch, &error),
            }
        }
    }

    async fn link(&mut self) -> Result<Link, Arc<OpenError>> {
        if let Some(link) = &mut self.link
            && link.is_alive().await
        {
            return Ok(link.clone());
        }
        self.link = None;
        if let Some((at, error)) = &self.failed
            && at.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        match self.dialer.dial().await {
            Ok((link, survives)) => {
                self.connected(survives);
                Ok(self.link.insert(link).clone())
            }
            Err(error) => {
                let error = Arc::new(error);
                if self.failed.is_none() {
                    let error: &dyn Error = &error;
                    tracing::warn!(target: "counterfoil", error, "Redis cannot be used");
                }
                self.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn connected(&mut self, survives: Survives) {
        self.failed = None;
        let before = mem::replace(&mut *self.survives.lock().unwrap_or_else(PoisonError::into_inner), survives);
        if survives < before {
            tracing::warn!(target: "counterfoil", ?before, now = ?survives, "Redis keeps events less well than before");
        } else {
            tracing::info!(target: "counterfoil", "connected to Redis again");
        }
    }

    /// Answers all who wait: they have waited for the same attempt.
    fn refuse(&mut self, batch: &mut Vec<Job>, error: &Arc<OpenError>) {
        while let Ok(job) = self.queue.try_recv() {
            batch.push(job);
        }
        for job in batch.drain(..) {
            job.answer(Err(unavailable(error.clone())));
        }
    }
}

/// Empties `batch`, and gives back the calls that have not waited too long.
fn in_time(batch: &mut Vec<Job>) -> Vec<Job> {
    let (sent, late): (Vec<_>, Vec<_>) = batch.drain(..).partition(|job| job.asked_at.elapsed() < PATIENCE);
    for job in late {
        job.answer(Err(unavailable("the call waited too long for its turn")));
    }
    sent
}
