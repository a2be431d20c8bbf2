//! What becomes of something that was under way.

use std::sync::Arc;

use counterfoil::StoreError;
use counterfoil::receiver::{Answer, Health};
use pyo3::prelude::*;

use crate::answer;
use crate::course::Held;
use crate::errors;
use crate::health;
use crate::lease::Lease;

/// An outcome, ready to be turned into what Python sees of it.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// A delivery to be handled.
    Offered(Arc<Held>),
    /// An answer in the handler's place.
    Answered(Answer),
    /// The handler's own response goes out, or there is nothing to say.
    Nothing,
    /// How a receiver is doing.
    Health(Arc<Health>),
    /// A store could not be opened.
    Unopened(Arc<StoreError>),
}

impl Outcome {
    pub(crate) fn into_python(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(match self {
            Self::Offered(held) => Py::new(py, Lease::new(held))?.into_any(),
            Self::Answered(answer) => Py::new(py, answer::Answer::new(answer))?.into_any(),
            Self::Nothing => py.None(),
            Self::Health(health) => Py::new(py, health::Health::new(health))?.into_any(),
            Self::Unopened(error) => return Err(errors::unopened(py, &error)),
        })
    }
}
