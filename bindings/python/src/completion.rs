//! A value that arrives once, and the three ways to get it: at once, by a thread that waits, or by an event loop.
//!
//! A loop is not called from another thread, which would have to wait for the interpreter. What has arrived is put into the
//! loop's [`Mailbox`], a byte is written to its socket, and the loop collects it when it sees that.

use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::outcome::Outcome;
use crate::{log, runtime};

/// How long a waiting thread goes without looking whether somebody has pressed Ctrl-C.
const LOOK_UP: Duration = Duration::from_millis(200);

/// A place for one outcome.
#[derive(Default)]
pub(crate) struct Slot {
    content: Mutex<Content>,
    arrived: Condvar,
}

#[derive(Default)]
struct Content {
    outcome: Option<Outcome>,
    listeners: Vec<(Weak<Letters>, Letter)>,
}

impl Slot {
    /// One with its outcome in it.
    pub(crate) fn filled(outcome: Outcome) -> Arc<Self> {
        let slot = Arc::<Self>::default();
        slot.fill(outcome);
        slot
    }

    /// One for what a future comes to, which is begun on the runtime.
    pub(crate) fn of(future: impl Future<Output = Outcome> + Send + 'static) -> io::Result<Arc<Self>> {
        let slot = Arc::<Self>::default();
        let filled = slot.clone();
        runtime::handle()?.spawn(async move { filled.fill(future.await) });
        Ok(slot)
    }

    /// Puts the outcome in; the first one counts.
    pub(crate) fn fill(&self, outcome: Outcome) {
        let listeners = {
            let mut content = self.lock();
            if content.outcome.is_some() {
                return;
            }
            content.outcome = Some(outcome);
            std::mem::take(&mut content.listeners)
        };
        self.arrived.notify_all();
        let mut is_expected = listeners.is_empty();
        for (letters, letter) in listeners {
            if let Some(letters) = letters.upgrade() {
                is_expected = true;
                letters.post(letter);
            }
        }
        if !is_expected {
            // The loops that waited are gone. A lease in it is released by letting it go.
            let forgotten = self.lock().outcome.replace(Outcome::Nothing);
            drop(forgotten);
        }
    }

    pub(crate) fn get(&self) -> Option<Outcome> {
        self.lock().outcome.clone()
    }

    /// Waits for the outcome, without the interpreter.
    pub(crate) fn wait(&self, py: Python<'_>) -> PyResult<Outcome> {
        loop {
            if let Some(outcome) = self.get() {
                log::deliver(py);
                return Ok(outcome);
            }
            py.detach(|| {
                let content = self.lock();
                if content.outcome.is_none() {
                    drop(self.arrived.wait_timeout(content, LOOK_UP));
                }
            });
            py.check_signals()?;
        }
    }

    /// As [`wait`](Self::wait), and gives what Python sees of it.
    pub(crate) fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.wait(py)?.into_python(py)
    }

    fn listen(&self, letters: &Arc<Letters>, letter: Letter) {
        let mut content = self.lock();
        if content.outcome.is_none() {
            content.listeners.push((Arc::downgrade(letters), letter));
        } else {
            drop(content);
            letters.post(letter);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is under way. Awaiting it gives its outcome; it goes on whether or not somebody does.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct Completion(Awaited);

enum Awaited {
    Slot(Arc<Slot>, fn(Python<'_>, Outcome) -> PyResult<Py<PyAny>>),
    Ready(Py<PyAny>),
}

impl Completion {
    /// Gives the outcome as it is.
    pub(crate) fn new(slot: Arc<Slot>) -> Self {
        Self(Awaited::Slot(slot, |py, outcome| outcome.into_python(py)))
    }

    /// Gives what is made of the outcome.
    pub(crate) fn mapped(slot: Arc<Slot>, finish: fn(Python<'_>, Outcome) -> PyResult<Py<PyAny>>) -> Self {
        Self(Awaited::Slot(slot, finish))
    }

    /// Gives a value that is there already.
    pub(crate) fn ready(value: Py<PyAny>) -> Self {
        Self(Awaited::Ready(value))
    }

    /// The value, where it has arrived.
    fn value(&self, py: Python<'_>) -> Option<PyResult<Py<PyAny>>> {
        match &self.0 {
            Awaited::Slot(slot, finish) => slot.get().map(|outcome| {
                log::deliver(py);
                finish(py, outcome)
            }),
            Awaited::Ready(value) => Some(Ok(value.clone_ref(py))),
        }
    }
}

#[pymethods]
impl Completion {
    fn __await__(slf: Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        if let Some(value) = slf.get().value(py) {
            return Ok(Py::new(py, Ready(Mutex::new(Some(value))))?.into_any());
        }
        static FUTURE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let future = FUTURE.import(py, "counterfoil._bridge", "future")?.call1((slf,))?;
        Ok(future.call_method0("__await__")?.unbind())
    }
}

/// The iterator that an `await` of what has arrived already runs through.
#[pyclass(frozen, module = "counterfoil")]
struct Ready(Mutex<Option<PyResult<Py<PyAny>>>>);

#[pymethods]
impl Ready {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self) -> PyResult<Py<PyAny>> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(value) => Err(PyStopIteration::new_err((value?,))),
            None => Err(PyStopIteration::new_err(())),
        }
    }
}

/// What has arrived for one event loop.
#[derive(Debug)]
pub(crate) struct Letters {
    waiting: Mutex<Vec<Letter>>,
    bell: UnixStream,
}

pub(crate) enum Letter {
    /// The future's outcome.
    Arrived(Py<Completion>, Py<PyAny>),
    /// Something to be called.
    Call(Py<PyAny>),
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Arrived(..) => "Arrived",
            Self::Call(_) => "Call",
        })
    }
}

impl Letter {
    fn hand_out(self, py: Python<'_>) -> PyResult<()> {
        match self {
            Self::Call(callback) => callback.call0(py).map(drop),
            Self::Arrived(completion, future) => {
                let future = future.bind(py);
                // Cancelled: the outcome goes with its last owner, and a lease in it is released.
                if future.call_method0("done")?.is_truthy()? {
                    return Ok(());
                }
                match completion.get().value(py) {
                    Some(Ok(value)) => future.call_method1("set_result", (value,)).map(drop),
                    Some(Err(error)) => future.call_method1("set_exception", (error.into_value(py),)).map(drop),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Letters {
    pub(crate) fn post(&self, letter: Letter) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(letter);
        if waiting.len() == 1 {
            // A full socket rings already, and a loop that is gone needs no bell.
            let _ = (&self.bell).write(&[1]);
        }
    }
}

/// One event loop's mailbox: `fileno` becomes readable when `collect` has something to do.
///
/// It is the loop's alone, and goes with it: what waits in it leads back to the loop.
#[pyclass(frozen, module = "counterfoil", weakref)]
pub(crate) struct Mailbox {
    letters: Arc<Letters>,
    door: UnixStream,
}

#[pymethods]
impl Mailbox {
    #[new]
    fn new() -> PyResult<Self> {
        let (bell, door) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        door.set_nonblocking(true)?;
        Ok(Self { letters: Arc::new(Letters { waiting: Mutex::default(), bell }), door })
    }

    fn fileno(&self) -> i32 {
        self.door.as_raw_fd()
    }

    /// Lets `future` have the outcome when it arrives.
    fn expect(&self, completion: &Bound<'_, Completion>, future: Py<PyAny>) {
        let letter = Letter::Arrived(completion.clone().unbind(), future);
        match &completion.get().0 {
            Awaited::Slot(slot, _) => slot.listen(&self.letters, letter),
            Awaited::Ready(_) => self.letters.post(letter),
        }
    }

    /// Hands out what has arrived. Runs on the loop's own thread.
    fn collect(&self, py: Python<'_>) -> PyResult<()> {
        self.hush()?;
        let letters = std::mem::take(&mut *self.letters.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        for letter in letters {
            if let Err(error) = letter.hand_out(py) {
                error.write_unraisable(py, None);
            }
        }
        Ok(())
    }
}

impl Mailbox {
    pub(crate) fn letters(&self) -> &Arc<Letters> {
        &self.letters
    }

    fn hush(&self) -> PyResult<()> {
        let mut rung = [0; 64];
        loop {
            match (&self.door).read(&mut rung) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
