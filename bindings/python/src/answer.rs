//! What goes out in the handler's place.

use std::sync::Arc;

use counterfoil::receiver::Answer as Told;
use counterfoil::{Failure, Rejection, StoreError};
use http::Response;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::convert::Span;
use crate::errors;

/// What the receiver answers in the handler's place: the same status, headers and body in every language.
///
/// Attributes:
///     kind: `duplicate`, `conflict`, `challenge` or `refused`.
///     status: The HTTP status.
///     headers: Names and values, in lower case.
///     body: Status and code as JSON, the text of a challenge, or nothing.
///     code: The stable code of a refusal.
///     rejection: The refusal with its full reason, for the operator and never for the sender.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct Answer {
    told: Told,
    response: Response<bytes::Bytes>,
}

impl Answer {
    pub(crate) fn new(told: Told) -> Self {
        Self { response: told.clone().into_response(), told }
    }
}

#[pymethods]
impl Answer {
    /// To a copy of an event that was completed: 200.
    #[staticmethod]
    fn duplicate() -> Self {
        Self::new(Told::Duplicate)
    }

    /// To an event that was completed with another body: 200.
    #[staticmethod]
    fn conflict() -> Self {
        Self::new(Told::Conflict)
    }

    /// To a copy of an event that is being handled: 503.
    #[staticmethod]
    fn in_flight(retry_after: Span) -> Self {
        Self::new(Told::Refused(Rejection::InFlight { retry_after: retry_after.0 }))
    }

    /// To an event that is never to be handled: 500.
    #[staticmethod]
    fn dead() -> Self {
        Self::new(Told::Refused(Rejection::HandlerFailed { how: Failure::Dead }))
    }

    /// To a delivery whose store, or whose own database, cannot be asked now: 503.
    #[staticmethod]
    fn store_unavailable() -> Self {
        let source = StoreError::Unavailable { source: "the application's own database could not answer".into() };
        Self::new(Told::Refused(Rejection::StoreUnavailable { source: Arc::new(source) }))
    }

    #[getter]
    fn kind(&self) -> &'static str {
        match self.told {
            Told::Duplicate => "duplicate",
            Told::Conflict => "conflict",
            Told::Challenge(_) => "challenge",
            _ => "refused",
        }
    }

    #[getter]
    fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    #[getter]
    fn headers(&self) -> Vec<(&str, &str)> {
        let headers = self.response.headers().iter();
        headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect()
    }

    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.response.body())
    }

    #[getter]
    fn code(&self) -> Option<&'static str> {
        self.told.code().map(|kind| kind.code())
    }

    #[getter]
    fn rejection(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        match &self.told {
            Told::Refused(rejection) => errors::rejection_value(py, rejection).map(Some),
            _ => Ok(None),
        }
    }

    fn __repr__(&self) -> String {
        let (kind, status) = (self.kind(), self.status());
        match self.code() {
            Some(code) => format!("<Answer {status} {code}>"),
            None => format!("<Answer {status} {kind}>"),
        }
    }
}
