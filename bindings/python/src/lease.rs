//! The right, and the duty, to handle one delivery.

use std::sync::Arc;
use std::time::{Duration, Instant};

use counterfoil::idempotency::Fence as Token;
use counterfoil::receiver::Answer as Told;
use http::StatusCode;
use pyo3::exceptions::PyGeneratorExit;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::answer::Answer;
use crate::completion::{Completion, Mailbox, Slot};
use crate::convert::{self, Lossy};
use crate::course::Held;
use crate::delivery::Delivery;
use crate::errors;
use crate::outcome::Outcome;

/// The right to handle one delivery, and the duty to say what came of it.
///
/// As a context manager it completes the event on a clean exit, and gives it back for the next retry on an exception. One
/// that is garbage before it was settled gives its event back too.
///
/// Example:
///     >>> with lease as delivery:  # doctest: +SKIP
///     ...     book(delivery.json())
///
/// Attributes:
///     delivery: The proof, and the body.
///     fence: What tells this attempt from every other one; None without a store.
///     attempt: 1 for the first attempt at this event.
///     deadline: How long the sender still waits for the answer, by now; None where it does not say.
///     must_stop: Whether the handler has been asked to stop.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct Lease {
    held: Arc<Held>,
    delivery: PyOnceLock<Py<Delivery>>,
}

impl Lease {
    pub(crate) fn new(held: Arc<Held>) -> Self {
        Self { held, delivery: PyOnceLock::new() }
    }

    fn settled(&self, py: Python<'_>, status: Option<u16>, reject: Option<Lossy>) -> PyResult<Arc<Slot>> {
        let status = status.map(|status| {
            StatusCode::from_u16(status)
                .map_err(|_| errors::config_text(py, &format!("{status} is no HTTP status: give 100 to 999")))
        });
        Ok(self.held.settle(status.transpose()?, reject.map(|reason| reason.0)))
    }
}

#[pymethods]
impl Lease {
    #[getter]
    fn delivery(&self, py: Python<'_>) -> PyResult<Py<Delivery>> {
        let made = self.delivery.get_or_try_init(py, || Py::new(py, Delivery::new(self.held.delivery.clone())))?;
        Ok(made.clone_ref(py))
    }

    #[getter]
    fn fence(&self) -> Option<Fence> {
        self.held.context.fence.map(Fence)
    }

    #[getter]
    fn attempt(&self) -> u32 {
        self.held.context.fence.map_or(1, |fence| fence.attempt)
    }

    #[getter]
    fn deadline(&self) -> Option<Duration> {
        self.held.context.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    #[getter]
    fn must_stop(&self) -> bool {
        self.held.must_stop()
    }

    /// Has a function called on the running event loop when the handler should stop: its time is over, its event is not
    /// its own any more, or the receiver shuts down.
    ///
    /// The handler is then awaited all the same, and settles: `None` where it stopped.
    ///
    /// Args:
    ///     callback: Called once, without arguments; at once where the handler should have stopped already.
    fn on_stop(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        static MAILBOX: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let mailbox = MAILBOX.import(py, "counterfoil._bridge", "mailbox")?.call0()?;
        self.held.on_stop(mailbox.cast::<Mailbox>()?.get().letters(), callback);
        Ok(())
    }

    /// Says what the handler made of the delivery. A second time changes nothing, and gives what the first one came to.
    ///
    /// Args:
    ///     status: The HTTP status of the handler's response: 2xx completes the event, anything else gives it back. None
    ///         where the handler failed without one, or stopped because it was asked to.
    ///     reject: A reason for which the event is never to be handled again.
    ///
    /// Returns:
    ///     None where the handler's own response goes out, or the answer that goes out in its place.
    #[pyo3(signature = (status, *, reject = None))]
    fn settle(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = convert::whole)] status: Option<u16>,
        reject: Option<Lossy>,
    ) -> PyResult<Py<PyAny>> {
        self.settled(py, status, reject)?.result(py)
    }

    /// As `settle`. What is under way goes on, whether or not it is awaited.
    #[pyo3(signature = (status, *, reject = None))]
    fn asettle(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = convert::whole)] status: Option<u16>,
        reject: Option<Lossy>,
    ) -> PyResult<Completion> {
        self.settled(py, status, reject).map(Completion::new)
    }

    /// Completes the event.
    ///
    /// Raises:
    ///     LeaseLost: The event is somebody else's, who has not completed it.
    fn complete(&self, py: Python<'_>) -> PyResult<()> {
        completed(py, self.held.complete().wait(py)?).map(drop)
    }

    /// As `complete`.
    fn acomplete(&self) -> Completion {
        Completion::mapped(self.held.complete(), completed)
    }

    /// Gives the event back, so that the next retry is handled at once.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.held.release().wait(py).map(drop)
    }

    /// As `release`.
    fn arelease(&self) -> Completion {
        Completion::mapped(self.held.release(), ignored)
    }

    /// Buries the event: it is never handled again.
    ///
    /// Args:
    ///     reason: For people who list the store.
    fn bury(&self, py: Python<'_>, reason: Lossy) -> PyResult<()> {
        self.held.bury(reason.0).wait(py).map(drop)
    }

    /// As `bury`.
    fn abury(&self, reason: Lossy) -> Completion {
        Completion::mapped(self.held.bury(reason.0), ignored)
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<Py<Delivery>> {
        self.delivery(py)
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: Option<Bound<'_, PyType>>,
        error: Option<Bound<'_, PyAny>>,
        _trace: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let (slot, finish) = self.left(py, error)?;
        finish(py, slot.wait(py)?).map(drop)
    }

    fn __aenter__(&self, py: Python<'_>) -> PyResult<Completion> {
        Ok(Completion::ready(self.delivery(py)?.into_any()))
    }

    fn __aexit__(
        &self,
        py: Python<'_>,
        _kind: Option<Bound<'_, PyType>>,
        error: Option<Bound<'_, PyAny>>,
        _trace: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Completion> {
        // A coroutine that is closed can await nothing; its release is under way all the same.
        let is_closed = error.as_ref().is_some_and(|error| error.is_instance_of::<PyGeneratorExit>());
        let (slot, finish) = self.left(py, error)?;
        Ok(if is_closed { Completion::ready(py.None()) } else { Completion::mapped(slot, finish) })
    }

    fn __repr__(&self) -> String {
        format!("<Lease of attempt {} at {}>", self.attempt(), self.held.delivery.key())
    }
}

/// What is made of a settlement's outcome.
type Finish = fn(Python<'_>, Outcome) -> PyResult<Py<PyAny>>;

impl Lease {
    /// Settles by how a block was left.
    fn left(&self, py: Python<'_>, error: Option<Bound<'_, PyAny>>) -> PyResult<(Arc<Slot>, Finish)> {
        let Some(error) = error else { return Ok((self.held.complete(), completed)) };
        static MEANING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let meaning = MEANING.import(py, "counterfoil._failure", "meaning")?.call1((error,))?;
        let (status, reject, _): (Option<u16>, Option<Lossy>, Py<PyAny>) = meaning.extract()?;
        Ok((self.settled(py, status, reject)?, ignored))
    }
}

fn ignored(py: Python<'_>, _: Outcome) -> PyResult<Py<PyAny>> {
    Ok(py.None())
}

/// A completed event is what was wanted, whoever completed it.
fn completed(py: Python<'_>, outcome: Outcome) -> PyResult<Py<PyAny>> {
    match outcome {
        Outcome::Answered(answer @ Told::Refused(_)) => {
            let answer = Py::new(py, Answer::new(answer))?;
            Err(errors::exception(py, "LeaseLost", ("the event could not be completed by this handler", answer)))
        }
        _ => Ok(py.None()),
    }
}

/// What tells this attempt from every other one. Tokens grow per event: pass it downstream as an idempotency key.
///
/// Attributes:
///     scope: The part of the store.
///     key: The event, as 32 hex digits.
///     token: Grows with every claim of this event.
///     attempt: 1 for the first attempt.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct Fence(Token);

#[pymethods]
impl Fence {
    #[getter]
    fn scope(&self) -> i32 {
        self.0.scope.as_i32()
    }

    #[getter]
    fn key(&self) -> String {
        self.0.key.to_string()
    }

    #[getter]
    fn token(&self) -> i64 {
        self.0.token
    }

    #[getter]
    fn attempt(&self) -> u32 {
        self.0.attempt
    }

    fn __repr__(&self) -> String {
        format!("<Fence {} of attempt {} at {}>", self.0.token, self.0.attempt, self.0.key)
    }
}
