//! A verified delivery, as Python sees it.

use counterfoil::idempotency::Note;
use counterfoil::{Clock, Rejection, SystemClock};
use pyo3::exceptions::{PyMemoryError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::verifier::Verifier;
use crate::{convert, errors};

/// One verified attempt to deliver one event.
///
/// A delivery is made by `Verifier.verify` and by a `Receiver` alone, or by `Delivery.assertion`, which says in its name
/// that the check happened elsewhere. It is immutable, cannot be pickled, and its repr shows nothing of the body.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct Delivery {
    inner: counterfoil::Delivery,
    body: PyOnceLock<Py<PyBytes>>,
    json: PyOnceLock<Py<PyAny>>,
    data: PyOnceLock<Py<PyAny>>,
}

impl Delivery {
    pub(crate) fn new(inner: counterfoil::Delivery) -> Self {
        Self { inner, body: PyOnceLock::new(), json: PyOnceLock::new(), data: PyOnceLock::new() }
    }

    /// One whose body is that object, byte for byte.
    pub(crate) fn of_body(py: Python<'_>, inner: counterfoil::Delivery, body: Py<PyBytes>) -> Self {
        let delivery = Self::new(inner);
        // It is new and therefore empty.
        let _ = delivery.body.set(py, body);
        delivery
    }
}

#[pymethods]
impl Delivery {
    /// Takes a body whose signature was checked elsewhere: by a gateway, or when it was stored.
    ///
    /// Nothing is checked here but that the body is an event of this sender.
    ///
    /// Security: Whoever can reach this call decides what happened. Never pass it a request's body.
    ///
    /// Args:
    ///     verifier: Says whose deliveries they are, and where their id, type and time stand.
    ///     body: The body, exactly as it was received.
    ///     event_id: The event's id, for a sender that keeps it in a signed header.
    ///     now: When it was received. Default: now.
    ///
    /// Raises:
    ///     Rejection: The body is not of the sender's form, or its id cannot be a key.
    #[staticmethod]
    #[pyo3(signature = (verifier, body, *, event_id = None, now = None))]
    fn assertion(
        verifier: &Bound<'_, Verifier>,
        body: &Bound<'_, PyAny>,
        event_id: Option<&Bound<'_, PyString>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = verifier.py();
        let no_text = |_| {
            let rejection = Rejection::EventIdInvalid { place: "event_id".into(), reason: "is no Unicode text" };
            errors::rejection(py, &rejection)
        };
        let event_id = event_id.map(|id| id.to_str()).transpose().map_err(no_text)?;
        let verifier = verifier.get();
        let now = now.map_or_else(|| Ok(SystemClock.now()), convert::time)?;
        let object = convert::bytes_object(body)?;
        let origin = counterfoil::Origin { event_id, ..counterfoil::Origin::default() };
        let body = convert::borrowed(object.clone());
        let delivery = counterfoil::Delivery::assertion_from(verifier.inner(), body, origin, now);
        let delivery = delivery.map_err(|rejection| errors::rejection(py, &rejection))?;
        Ok(Self::of_body(py, delivery, object.unbind()))
    }

    /// The sender's name.
    #[getter]
    fn sender(&self) -> &str {
        self.inner.sender()
    }

    /// Our name for the address that the sender was given.
    #[getter]
    fn endpoint(&self) -> &str {
        self.inner.endpoint()
    }

    /// Whose delivery it is, where the verifier was made for a tenant.
    #[getter]
    fn tenant(&self) -> Option<&str> {
        self.inner.tenant()
    }

    /// The body, exactly as received.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.body.get_or_init(py, || PyBytes::new(py, self.inner.body()).unbind()).bind(py).clone()
    }

    /// The event's id from signed material; None where the key is the body's digest.
    #[getter]
    fn event_id(&self) -> Option<&str> {
        self.inner.event_id().map(counterfoil::EventId::as_str)
    }

    /// The event's type. An open set: expect types that no list names.
    #[getter]
    fn event_type(&self) -> Option<&str> {
        self.inner.event_type()
    }

    /// When the event happened, in UTC, where the sender says so.
    ///
    /// None too for a time that no `datetime` can hold.
    #[getter]
    fn occurred_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.inner.occurred_at().map(|time| convert::datetime(py, time)).transpose()
    }

    /// The time inside the signed bytes, in UTC.
    ///
    /// None where the sender signs none, or signs local time of an unknown offset; and for a time that no `datetime` can
    /// hold.
    #[getter]
    fn signed_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.inner.signed_at().map(|time| convert::datetime(py, time)).transpose()
    }

    /// When the head of this delivery reached us, in UTC.
    #[getter]
    fn received_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::datetime(py, self.inner.received_at())
    }

    /// An id that the sender put into a header outside the signature, cut to 255 bytes.
    ///
    /// For people only: whoever replays a captured request can change it.
    #[getter]
    fn unsigned_id(&self) -> Option<&str> {
        self.inner.unsigned_id()
    }

    /// The event type that the sender put into a header outside the signature, cut to 255 bytes.
    ///
    /// For senders that name it nowhere else. Whoever replays a captured request can change it: let the body's own data decide what must not be mistaken.
    #[getter]
    fn unsigned_event_type(&self) -> Option<&str> {
        self.inner.unsigned_event_type()
    }

    /// Which of the secrets matched, in the order in which they were given.
    ///
    /// None for an assertion, and where nothing is checked.
    #[getter]
    fn secret_index(&self) -> Option<usize> {
        self.inner.secret_index()
    }

    /// What makes two deliveries the same event: 32 hex digits, the same in every process, language and version.
    #[getter]
    fn key(&self) -> String {
        self.inner.key().to_string()
    }

    /// The part of the store that this sender, endpoint and tenant have to themselves.
    #[getter]
    fn scope(&self) -> i32 {
        self.inner.scope().as_i32()
    }

    /// What tells two bodies of one key apart: 16 bytes.
    #[getter]
    fn fingerprint<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.fingerprint().as_bytes())
    }

    /// The event in words, for people who list the store: endpoint, type and id, at most 255 bytes.
    #[getter]
    fn note(&self) -> String {
        Note::from(&self.inner).as_str().to_owned()
    }

    /// The whole body, read as JSON once; each call returns the same object.
    ///
    /// Returns:
    ///     What `json.loads` makes of it. A number with a fraction or an exponent is a `decimal.Decimal`: money is never
    ///     a float.
    ///
    /// Raises:
    ///     BodyError: The body is no JSON, which only the body of a sender that signs any bytes can be; or it holds what
    ///         Python refuses to read: a number of thousands of digits, or nesting without end.
    fn json(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let json = self.json.get_or_try_init(py, || parse(py, self.inner.body()))?;
        Ok(json.clone_ref(py))
    }

    /// The event's own data, read as JSON once; each call returns the same object.
    ///
    /// It is the member of the body that the sender keeps it in, or the whole body.
    ///
    /// Returns:
    ///     As `json`. None where the body lacks that member.
    ///
    /// Raises:
    ///     BodyError: As `json`.
    fn data(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let body = self.inner.body();
        match self.inner.data() {
            None => Ok(py.None()),
            Some(data) if data.as_ptr() == body.as_ptr() && data.len() == body.len() => self.json(py),
            Some(data) => Ok(self.data.get_or_try_init(py, || parse(py, data))?.clone_ref(py)),
        }
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.body(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let delivery = &self.inner;
        let text = |text: Option<&str>| -> PyResult<String> {
            text.map_or_else(|| Ok("None".to_owned()), |text| Ok(PyString::new(py, text).repr()?.to_string()))
        };
        Ok(format!(
            "Delivery(sender={}, endpoint={}, tenant={}, event_type={}, event_id={}, key='{}', body_bytes={})",
            text(Some(delivery.sender()))?,
            text(Some(delivery.endpoint()))?,
            text(delivery.tenant())?,
            text(delivery.event_type())?,
            text(self.event_id())?,
            delivery.key(),
            delivery.body().len(),
        ))
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "a Delivery cannot be pickled, or anybody could make one by unpickling: pass its body on, and read it with \
             `Delivery.assertion`",
        ))
    }

    fn __copy__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __deepcopy__(this: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        this
    }
}

fn parse(py: Python<'_>, text: &[u8]) -> PyResult<Py<PyAny>> {
    static DECODE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let decode = DECODE.get_or_try_init(py, || {
        let options = PyDict::new(py);
        options.set_item("parse_float", py.import("decimal")?.getattr("Decimal")?)?;
        let decoder = py.import("json")?.getattr("JSONDecoder")?.call((), Some(&options))?;
        decoder.getattr("decode").map(Bound::unbind)
    })?;
    // As text: bytes would be read in whatever encoding they look like.
    let value = PyString::from_bytes(py, text).and_then(|text| decode.bind(py).call1((text,)));
    value.map(Bound::unbind).map_err(|error| unreadable(py, error))
}

/// Says no more than the kind of error: the others hold the text that they are about.
fn unreadable(py: Python<'_>, error: PyErr) -> PyErr {
    let is = |class| error.matches(py, class).unwrap_or(false);
    let of_data = is(py.get_type::<pyo3::exceptions::PyValueError>())
        || is(py.get_type::<pyo3::exceptions::PyArithmeticError>())
        || is(py.get_type::<pyo3::exceptions::PyRecursionError>());
    if !of_data || error.is_instance_of::<PyMemoryError>(py) {
        return error;
    }
    errors::rejection(py, &Rejection::BodyNotAnObject { expected: "JSON that Python can read" })
}
