//! A request on its way in: its head was judged, its body arrives.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use counterfoil::receiver::{Answer as Told, Intake as Inner};
use counterfoil::{Receiver, Rejection};
use http::HeaderMap;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::Handle;

use crate::answer::Answer;
use crate::completion::{Completion, Slot};
use crate::convert::{self, Lossy, RELEASE_FROM_BYTES};
use crate::course::Course;
use crate::log;
use crate::outcome::Outcome;

/// A request whose head is in order and whose body is arriving.
///
/// An answer from `push`, `timed_out` or `unreadable` goes out at once; the rest of the body is not read, and on HTTP/1.1 the
/// connection is closed.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct Intake {
    receiver: Receiver,
    runtime: Handle,
    arriving: Mutex<Option<Arriving>>,
}

struct Arriving {
    intake: Inner,
    headers: HeaderMap,
    /// Bytes of the body so far.
    taken: usize,
}

impl Intake {
    pub(crate) fn new(receiver: Receiver, runtime: Handle, intake: Inner, headers: HeaderMap) -> Self {
        Self { receiver, runtime, arriving: Mutex::new(Some(Arriving { intake, headers, taken: 0 })) }
    }

    /// Hashes the next part of the body.
    pub(crate) fn take(&self, py: Python<'_>, chunk: &Bytes) -> PyResult<Option<Told>> {
        let push = || {
            let mut arriving = self.arriving.lock().unwrap_or_else(PoisonError::into_inner);
            arriving.as_mut().map(|arriving| {
                arriving.taken = arriving.taken.saturating_add(chunk.len());
                arriving.intake.push(chunk.clone()).err()
            })
        };
        let pushed = if chunk.len() < RELEASE_FROM_BYTES { push() } else { py.detach(push) };
        pushed.ok_or_else(used)
    }

    /// Verifies, and lets the engine go on from there.
    pub(crate) fn close(&self, py: Python<'_>) -> PyResult<Arc<Slot>> {
        let arriving = self.arriving.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Arriving { intake, headers, taken } = arriving.ok_or_else(used)?;
        let finish = || intake.finish(&headers);
        Ok(match if taken < RELEASE_FROM_BYTES { finish() } else { py.detach(finish) } {
            Ok(received) => Course::begin(self.receiver.clone(), self.runtime.clone(), received),
            Err(answer) => Slot::filled(Outcome::Answered(answer)),
        })
    }
}

#[pymethods]
impl Intake {
    /// Takes the next part of the body.
    ///
    /// Returns:
    ///     None, or the answer to a body that has grown beyond the limit.
    fn push(&self, py: Python<'_>, chunk: &Bound<'_, PyAny>) -> PyResult<Option<Answer>> {
        Ok(self.take(py, &convert::body(chunk)?)?.map(|told| answered(py, told)))
    }

    /// The answer to a body that did not arrive in time.
    fn timed_out(&self, py: Python<'_>) -> Answer {
        answered(py, self.receiver.refuse(Rejection::BodyTimeout { limit: self.receiver.body_timeout() }))
    }

    /// The answer to a body that broke off.
    ///
    /// Args:
    ///     reason: What the server said, for the operator.
    fn unreadable(&self, py: Python<'_>, reason: Lossy) -> Answer {
        answered(py, self.receiver.refuse(Rejection::BodyUnreadable { reason: reason.0.into() }))
    }

    /// Verifies the delivery and claims its event. Blocks while it waits for the store, or for an earlier delivery.
    ///
    /// Returns:
    ///     The lease to handle it under, or the answer to send.
    fn finish(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.close(py)?.result(py)
    }

    /// As `finish`.
    fn afinish(&self, py: Python<'_>) -> PyResult<Completion> {
        self.close(py).map(Completion::new)
    }
}

fn answered(py: Python<'_>, told: Told) -> Answer {
    log::deliver(py);
    Answer::new(told)
}

fn used() -> PyErr {
    PyRuntimeError::new_err("this intake is finished")
}
