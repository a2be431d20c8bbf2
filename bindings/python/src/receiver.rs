//! The receiver: one sender's deliveries to one endpoint, proven, and each event handled once.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use counterfoil::idempotency::OnExpired;
use counterfoil::receiver::{Answer as Told, Head};
use counterfoil::scheme::Sender as Scheme;
use counterfoil::{Clock, Receiver as Inner, Rejection, Secret, SystemClock, Tolerance, UtcOffset};
use http::{Method, Uri};
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::clock::FixedClock;
use crate::completion::{Completion, Slot};
use crate::convert::{Lossy, Span, Text};
use crate::headers::Wanted;
use crate::intake::Intake;
use crate::outcome::Outcome;
use crate::process::PerProcess;
use crate::remote::Remote;
use crate::runtime::Tokio;
use crate::{convert, errors, log, runtime, secret, sender, store, verifier};

/// Receives one sender's deliveries to one endpoint: proves each, and sees to it that each event is handled once.
///
/// Made once, when the program starts, and used from any thread, event loop and forked process.
///
/// Args:
///     sender: The name of a sender, or one of your own.
///     secret: The secret that the sender signs with, or a list of those that are active; `(secret, end)` for one that ends.
///     store: What remembers events. Without one each delivery is proven, and nothing recognises a copy.
///     endpoint: Our name for the address that the sender was given; default: the sender's name. It scopes every key.
///     tolerance: `strict` (5 min), `retry_safe` (the sender's own retries), or how far back a signed time may lie; a pair for
///         back and ahead. Default: `retry_safe` with a store, `strict` without one.
///     utc_offset: Of the site whose local time the sender signs, such as `+02:00`; two for summer time.
///     public_url: The address that the sender was given, exactly, for a sender that signs it.
///     webhook_id: The id that the sender gave to the webhook, for a sender whose endpoint is asked.
///     remote: Asks that endpoint.
///     lease: How long an event is claimed; default 60 s, at least 2 s.
///     retention: How long an event is remembered; default 7 days, 30 where the sender signs no time.
///     on_expired: What becomes of an event whose process died: `takeover` (the next delivery handles it again) or `park`.
///     refuse_conflicts: Answers 422 instead of 200 to another body of a completed event.
///     in_flight_wait: How long a copy waits for the first delivery; default and most: 2 s, or a third of the sender's deadline.
///     handler_time: How long a handler may take; default: the lease less a tenth. With more, its lease is extended meanwhile.
///     body_limit: The largest body in bytes.
///     body_timeout: How long a body may take to arrive; default 15 s.
///     clock: For tests.
///
/// Raises:
///     ConfigError: A setting cannot work; says what to change.
///
/// Example:
///     >>> from counterfoil import MemoryStore, Receiver
///     >>> Receiver("handl", "whsec_example_0123", store=MemoryStore())
///     <Receiver of handl at handl, with a store>
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct Receiver {
    settings: Settings,
    inner: PerProcess<OnceLock<Inner>>,
}

struct Settings {
    sender: Scheme,
    wanted: Wanted,
    secrets: Mutex<Vec<(Secret, Option<SystemTime>)>>,
    store: Option<Py<PyAny>>,
    remote: Option<Py<Remote>>,
    endpoint: Option<String>,
    tolerance: Option<Tolerance>,
    offsets: Vec<UtcOffset>,
    public_url: Option<String>,
    webhook_id: Option<String>,
    lease: Option<Duration>,
    retention: Option<Duration>,
    on_expired: Option<OnExpired>,
    refuse_conflicts: bool,
    in_flight_wait: Option<Duration>,
    handler_time: Option<Duration>,
    body_limit: usize,
    body_timeout: Option<Duration>,
    clock: Option<Py<FixedClock>>,
}

impl Settings {
    fn build(&self, py: Python<'_>) -> PyResult<Inner> {
        let mut builder = Inner::builder(self.sender.clone()).body_limit(self.body_limit);
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (secret, end) in secrets {
            builder = match end {
                Some(end) => builder.secret_until(secret, end),
                None => builder.secret(secret),
            };
        }
        for offset in &self.offsets {
            builder = builder.utc_offset(*offset);
        }
        macro_rules! set {
            ($($name:ident)*) => {
                $(if let Some(value) = self.$name.clone() {
                    builder = builder.$name(value);
                })*
            };
        }
        set!(endpoint tolerance public_url webhook_id lease retention on_expired in_flight_wait handler_time body_timeout);
        if self.refuse_conflicts {
            builder = builder.refuse_conflicts();
        }
        if let Some(store) = &self.store {
            builder = builder.store(store::resolve(store.bind(py))?);
        }
        if let Some(remote) = &self.remote {
            builder = builder.remote(remote.get().client(py)?);
        }
        if let Some(clock) = &self.clock {
            builder = builder.clock(clock.get().0.clone());
        }
        builder.build().map_err(|error| errors::config(py, &error))
    }

    fn now(&self) -> SystemTime {
        self.clock.as_ref().map_or_else(|| SystemClock.now(), |clock| clock.get().0.now())
    }
}

impl Receiver {
    /// This process's receiver.
    fn inner(&self, py: Python<'_>) -> PyResult<Inner> {
        let cell = self.inner.get();
        if let Some(inner) = cell.get() {
            return Ok(inner.clone());
        }
        let inner = self.settings.build(py)?;
        Ok(cell.get_or_init(|| inner).clone())
    }

    fn head(
        &self,
        py: Python<'_>,
        method: &str,
        target: &str,
        headers: &Bound<'_, PyAny>,
    ) -> PyResult<Result<Intake, Told>> {
        log::refresh(py);
        let (inner, runtime) = (self.inner(py)?, runtime::handle()?);
        let headers = self.settings.wanted.read(headers)?;
        // No server lets a method through that is none; and of the address only the query of a challenge is read.
        let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
        let uri = target.parse::<Uri>().unwrap_or_default();
        let engine = Tokio(runtime.clone());
        let judged = at_once(inner.head(&engine, &Head::new(&method, &uri, &headers)));
        let judged = judged.unwrap_or_else(|| Err(inner.refuse(Rejection::ShuttingDown)));
        Ok(judged.map(|intake| Intake::new(inner, runtime, intake, headers)))
    }

    /// The whole way in, for those who have the body.
    fn admit(
        &self,
        py: Python<'_>,
        (method, target): (Option<Lossy>, Option<Lossy>),
        headers: &Bound<'_, PyAny>,
        body: &Bound<'_, PyAny>,
    ) -> PyResult<Arc<Slot>> {
        let body = convert::body(body)?;
        let method = method.as_ref().map_or("POST", |method| &method.0);
        let target = target.as_ref().map_or("/", |target| &target.0);
        let refused = match self.head(py, method, target, headers)? {
            Ok(intake) => match intake.take(py, &body)? {
                None => return intake.close(py),
                Some(answer) => answer,
            },
            Err(answer) => answer,
        };
        Ok(Slot::filled(Outcome::Answered(refused)))
    }

    fn stopped(&self, py: Python<'_>, grace: Duration) -> PyResult<Arc<Slot>> {
        let inner = self.inner(py)?;
        let stopped = Slot::of(async move {
            inner.shutdown(tokio::time::sleep(grace)).await;
            Outcome::Nothing
        });
        Ok(stopped?)
    }

    fn looked_at(&self, py: Python<'_>) -> PyResult<Arc<Slot>> {
        let inner = self.inner(py)?;
        Ok(Slot::of(async move { Outcome::Health(Arc::new(inner.health().await)) })?)
    }
}

#[pymethods]
impl Receiver {
    #[new]
    #[pyo3(signature = (
        sender, secret, *, store = None, endpoint = None, tolerance = None, utc_offset = None, public_url = None,
        webhook_id = None, remote = None, lease = None, retention = None, on_expired = None, refuse_conflicts = false,
        in_flight_wait = None, handler_time = None, body_limit = 1_048_576, body_timeout = None, clock = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword of its own in Python")]
    fn new(
        py: Python<'_>,
        sender: &Bound<'_, PyAny>,
        secret: &Bound<'_, PyAny>,
        store: Option<Py<PyAny>>,
        endpoint: Option<Text>,
        tolerance: Option<&Bound<'_, PyAny>>,
        utc_offset: Option<&Bound<'_, PyAny>>,
        public_url: Option<Text>,
        webhook_id: Option<Text>,
        remote: Option<Py<Remote>>,
        lease: Option<Span>,
        retention: Option<Span>,
        on_expired: Option<Text>,
        refuse_conflicts: bool,
        in_flight_wait: Option<Span>,
        handler_time: Option<Span>,
        #[pyo3(from_py_with = convert::whole)] body_limit: usize,
        body_timeout: Option<Span>,
        clock: Option<Py<FixedClock>>,
    ) -> PyResult<Self> {
        let sender = sender::resolve(sender)?;
        let settings = Settings {
            secrets: Mutex::new(secret::several(secret, &sender)?),
            wanted: Wanted::of_request(&sender).map_err(|error| errors::config(py, &error))?,
            sender,
            store,
            remote,
            endpoint: endpoint.map(|text| text.0),
            tolerance: tolerance.map(verifier::tolerance).transpose()?,
            offsets: utc_offset.map(verifier::offsets).transpose()?.unwrap_or_default(),
            public_url: public_url.map(|text| text.0),
            webhook_id: webhook_id.map(|text| text.0),
            lease: lease.map(|span| span.0),
            retention: retention.map(|span| span.0),
            on_expired: on_expired.map(|name| expired(py, &name.0)).transpose()?,
            refuse_conflicts,
            in_flight_wait: in_flight_wait.map(|span| span.0),
            handler_time: handler_time.map(|span| span.0),
            body_limit,
            body_timeout: body_timeout.map(|span| span.0),
            clock,
        };
        let receiver = Self { settings, inner: PerProcess::new() };
        receiver.inner(py)?;
        log::deliver(py);
        Ok(receiver)
    }

    #[getter]
    fn sender(&self) -> &str {
        &self.settings.sender.name
    }

    #[getter]
    fn endpoint(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.inner(py)?.endpoint().to_owned())
    }

    #[getter]
    fn body_limit(&self) -> usize {
        self.settings.body_limit
    }

    #[getter]
    fn body_timeout(&self, py: Python<'_>) -> PyResult<Duration> {
        Ok(self.inner(py)?.body_timeout())
    }

    /// Replaces the secrets while running. Requests that began under one that is no longer among them are refused too.
    ///
    /// A process that was forked before has its own: replace them in each.
    fn set_secrets(&self, py: Python<'_>, secret: &Bound<'_, PyAny>) -> PyResult<()> {
        let secrets = secret::several(secret, &self.settings.sender)?;
        let verifier = self.inner(py)?;
        let set = verifier.verifier().set_secrets(secrets.clone(), self.settings.now());
        set.map_err(|error| errors::config(py, &error))?;
        *self.settings.secrets.lock().unwrap_or_else(PoisonError::into_inner) = secrets;
        Ok(())
    }

    /// Judges a request by its head, before one byte of its body is read.
    ///
    /// Args:
    ///     method: The HTTP method.
    ///     target: Path and query, as they arrived.
    ///     headers: All headers.
    ///
    /// Returns:
    ///     An intake for the body, or the answer: the body is not read, and on HTTP/1.1 the connection is closed.
    fn begin(&self, py: Python<'_>, method: Lossy, target: Lossy, headers: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let (Lossy(method), Lossy(target)) = (method, target);
        Ok(match self.head(py, &method, &target, headers)? {
            Ok(intake) => Py::new(py, intake)?.into_any(),
            Err(answer) => {
                log::deliver(py);
                Py::new(py, Answer::new(answer))?.into_any()
            }
        })
    }

    /// Verifies a delivery and claims its event. Blocks while it waits for the store, or for an earlier delivery.
    ///
    /// Args:
    ///     headers: All headers.
    ///     body: The body, exactly as received.
    ///     method: The HTTP method.
    ///     target: Path and query, as they arrived.
    ///
    /// Returns:
    ///     The lease to handle it under, or the answer to send.
    #[pyo3(signature = (headers, body, *, method = None, target = None), text_signature = "($self, headers, body, *, method='POST', target='/')")]
    fn receive(
        &self,
        py: Python<'_>,
        headers: &Bound<'_, PyAny>,
        body: &Bound<'_, PyAny>,
        method: Option<Lossy>,
        target: Option<Lossy>,
    ) -> PyResult<Py<PyAny>> {
        self.admit(py, (method, target), headers, body)?.result(py)
    }

    /// As `receive`.
    #[pyo3(signature = (headers, body, *, method = None, target = None), text_signature = "($self, headers, body, *, method='POST', target='/')")]
    fn areceive(
        &self,
        py: Python<'_>,
        headers: &Bound<'_, PyAny>,
        body: &Bound<'_, PyAny>,
        method: Option<Lossy>,
        target: Option<Lossy>,
    ) -> PyResult<Completion> {
        self.admit(py, (method, target), headers, body).map(Completion::new)
    }

    /// Refuses new deliveries with 503, waits until those under way have settled or `grace` is over, then asks the
    /// handlers that are left to stop, and waits for them.
    fn shutdown(&self, py: Python<'_>, grace: Span) -> PyResult<()> {
        self.stopped(py, grace.0)?.wait(py).map(drop)
    }

    /// As `shutdown`.
    fn ashutdown(&self, py: Python<'_>, grace: Span) -> PyResult<Completion> {
        self.stopped(py, grace.0).map(Completion::new)
    }

    /// How the receiver is doing, asking the store.
    fn health(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.looked_at(py)?.result(py)
    }

    /// As `health`.
    fn ahealth(&self, py: Python<'_>) -> PyResult<Completion> {
        self.looked_at(py).map(Completion::new)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (sender, endpoint) = (self.sender(), self.endpoint(py)?);
        let store = if self.settings.store.is_some() { "with a store" } else { "without a store" };
        Ok(format!("<Receiver of {sender} at {endpoint}, {store}>"))
    }
}

fn expired(py: Python<'_>, name: &str) -> PyResult<OnExpired> {
    match name {
        "takeover" => Ok(OnExpired::Takeover),
        "park" => Ok(OnExpired::Park),
        other => {
            let text = format!("`on_expired=` is \"takeover\" or \"park\", not \"{}\"", other.escape_debug());
            Err(errors::config_text(py, &text))
        }
    }
}

/// What a future comes to that has nothing to wait for.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
