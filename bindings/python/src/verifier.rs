//! Verifies deliveries of one sender to one endpoint.

use std::time::Duration;

use counterfoil::time::FUTURE;
use counterfoil::{Clock, Rejection, SystemClock, Tolerance, UtcOffset};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDelta, PySequence, PyString, PyTuple};

use crate::convert::{self, RELEASE_FROM_BYTES, Text};
use crate::delivery::Delivery;
use crate::headers::Wanted;
use crate::{errors, secret, sender};

/// Verifies deliveries of one sender to one endpoint. Safe to share between threads.
///
/// A delivery is accepted exactly when the signature header is there once and of the sender's form, one of the active
/// secrets makes that signature over the bytes as received, the body is an event of this sender, and the signed time is
/// within the tolerance. The first that fails is the exception. Nothing is parsed from the body before its signature has
/// matched.
///
/// Whatever rewrites or decompresses the body before it gets here breaks the signature.
///
/// Example:
///     >>> from counterfoil import SignatureError, Verifier
///     >>> verifier = Verifier("handl", "whsec_example_0123")
///     >>> try:
///     ...     verifier.verify({}, b"{}")
///     ... except SignatureError as error:
///     ...     print(error.code, error.status)
///     signature_missing 401
///
/// Args:
///     sender: The name of a sender, or a `Sender`.
///     secret: The secret, as the sender shows it; or a list of up to four, each alone or as `(secret, end)`, which is
///         accepted until its end by our clock. `[]` for a sender that is unsigned.
///     endpoint: Our name for the address that the sender was given; default: the sender's name. It is part of every
///         key, so that renaming it makes every event a new one.
///     tenant: Whose deliveries they are, where each tenant has a verifier. It is part of every key.
///     tolerance: How old a signed time may be. `"strict"`, the default: 300 s, and 60 s ahead. `"retry_safe"`: as old as
///         the sender's last retry, for those who remember the keys of what they handled. A `timedelta`: that old, and
///         60 s ahead. A pair of them: that old, and that far ahead.
///     utc_offset: The UTC offset of the site whose local time the sender signs, such as `"+02:00"`; two for summer time.
///     public_url: The address that the sender was given, exactly as it was given, for a sender that signs it.
///     webhook_id: The id that the sender gave to the webhook, for a sender whose endpoint is asked.
///
/// Raises:
///     ConfigError: A setting that cannot work, with what to change.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct Verifier {
    inner: counterfoil::Verifier,
    wanted: Wanted,
}

impl Verifier {
    pub(crate) fn inner(&self) -> &counterfoil::Verifier {
        &self.inner
    }

    fn check(
        &self,
        headers: &Bound<'_, PyAny>,
        body: &Bound<'_, PyAny>,
        now: impl FnOnce() -> PyResult<std::time::SystemTime>,
    ) -> PyResult<Delivery> {
        let py = headers.py();
        let object = convert::bytes_object(body)?;
        let headers = self.wanted.read(headers)?;
        let now = now()?;
        let body = convert::borrowed(object.clone());
        let verdict = if body.len() < RELEASE_FROM_BYTES {
            self.inner.verify_at(&headers, body, now)
        } else {
            // The body is given up here, and not over there: it is an object of the interpreter.
            let kept = body.clone();
            let verdict = py.detach(|| self.inner.verify_at(&headers, body, now));
            drop(kept);
            verdict
        };
        match verdict {
            Ok(delivery) => Ok(Delivery::of_body(py, delivery, object.unbind())),
            Err(rejection) => Err(errors::rejection(py, &self.in_python(rejection))),
        }
    }

    fn in_python(&self, rejection: Rejection) -> Rejection {
        match rejection {
            Rejection::CouldNotVerify { .. } if self.inner.sender().scheme.remote().is_some() => {
                let reason = "its sender's endpoint must be asked: use a Receiver with `remote=`";
                Rejection::CouldNotVerify { reason: reason.into() }
            }
            other => other,
        }
    }
}

#[pymethods]
impl Verifier {
    #[new]
    #[pyo3(signature = (
        sender, secret, *, endpoint = None, tenant = None, tolerance = None, utc_offset = None, public_url = None,
        webhook_id = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        sender: &Bound<'_, PyAny>,
        secret: &Bound<'_, PyAny>,
        endpoint: Option<Text>,
        tenant: Option<Text>,
        tolerance: Option<&Bound<'_, PyAny>>,
        utc_offset: Option<&Bound<'_, PyAny>>,
        public_url: Option<Text>,
        webhook_id: Option<Text>,
    ) -> PyResult<Self> {
        let sender = sender::resolve(sender)?;
        let wanted = Wanted::of(&sender).map_err(|error| errors::config(py, &error))?;
        let secrets = secret::several(secret, &sender)?;
        let mut builder = counterfoil::Verifier::builder(sender);
        for (secret, end) in secrets {
            builder = match end {
                Some(end) => builder.secret_until(secret, end),
                None => builder.secret(secret),
            };
        }
        if let Some(Text(endpoint)) = endpoint {
            builder = builder.endpoint(endpoint);
        }
        if let Some(Text(tenant)) = tenant {
            builder = builder.tenant(tenant);
        }
        if let Some(tolerance) = tolerance {
            builder = builder.tolerance(self::tolerance(tolerance)?);
        }
        for offset in utc_offset.map(offsets).transpose()?.unwrap_or_default() {
            builder = builder.utc_offset(offset);
        }
        if let Some(Text(url)) = public_url {
            builder = builder.public_url(url);
        }
        if let Some(Text(id)) = webhook_id {
            builder = builder.webhook_id(id);
        }
        let inner = builder.build().map_err(|error| errors::config(py, &error))?;
        Ok(Self { inner, wanted })
    }

    /// The sender's name.
    #[getter]
    fn sender(&self) -> &str {
        &self.inner.sender().name
    }

    /// Our name for the address that the sender was given.
    #[getter]
    fn endpoint(&self) -> &str {
        self.inner.endpoint()
    }

    /// The part of the store that its events live in.
    #[getter]
    fn scope(&self) -> i32 {
        self.inner.scope().as_i32()
    }

    /// Verifies one delivery as of now.
    ///
    /// Args:
    ///     headers: The headers of the request: a mapping, pairs, or the framework's own object. Names in any case.
    ///     body: The body, byte for byte as received.
    ///
    /// Returns:
    ///     The delivery. There is no other way to have one, and no verdict to forget.
    ///
    /// Raises:
    ///     Rejection: Why it is refused. Its `code` and `status` are for the sender, its text is for the operator.
    fn verify(&self, headers: &Bound<'_, PyAny>, body: &Bound<'_, PyAny>) -> PyResult<Delivery> {
        self.check(headers, body, || Ok(SystemClock.now()))
    }

    /// Verifies one delivery as of `now`.
    ///
    /// Args:
    ///     headers: As in `verify`.
    ///     body: As in `verify`.
    ///     now: The time to judge the signed time by: an aware `datetime`.
    ///
    /// Returns:
    ///     The delivery.
    ///
    /// Raises:
    ///     Rejection: As in `verify`.
    ///     ConfigError: `now` has no time zone.
    fn verify_at(
        &self,
        headers: &Bound<'_, PyAny>,
        body: &Bound<'_, PyAny>,
        now: &Bound<'_, PyAny>,
    ) -> PyResult<Delivery> {
        self.check(headers, body, || convert::time(now))
    }

    /// Replaces the secrets while running.
    ///
    /// Deliveries that are being verified with a secret which is no longer among them are refused too.
    ///
    /// Args:
    ///     secret: As in the constructor.
    ///
    /// Raises:
    ///     ConfigError: No secret, too many, or only ended ones. The old ones stay.
    fn set_secrets(&self, secret: &Bound<'_, PyAny>) -> PyResult<()> {
        let secrets = secret::several(secret, self.inner.sender())?;
        self.inner.set_secrets(secrets, SystemClock.now()).map_err(|error| errors::config(secret.py(), &error))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let endpoint = PyString::new(py, self.inner.endpoint()).repr()?;
        Ok(format!("Verifier(sender='{}', endpoint={endpoint})", self.inner.sender().name))
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyTypeError::new_err("a Verifier holds secrets and cannot be pickled: build it where it is used"))
    }

    fn __copy__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __deepcopy__(this: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        this
    }
}

/// How old a signed time may be, and how far ahead.
pub(crate) fn tolerance(value: &Bound<'_, PyAny>) -> PyResult<Tolerance> {
    let wrong = "a tolerance is `\"strict\"`, `\"retry_safe\"`, a timedelta, or a pair of them: past and future";
    if let Ok(name) = value.cast::<PyString>() {
        return match &*name.to_string_lossy() {
            "strict" => Ok(Tolerance::Strict),
            "retry_safe" => Ok(Tolerance::RetrySafe),
            _ => Err(errors::config_text(value.py(), wrong)),
        };
    }
    if value.is_instance_of::<PyDelta>() {
        return Ok(Tolerance::Custom { past: duration(value)?, future: FUTURE });
    }
    match value.cast::<PyTuple>() {
        Ok(pair) if pair.len() == 2 => {
            Ok(Tolerance::Custom { past: duration(&pair.get_item(0)?)?, future: duration(&pair.get_item(1)?)? })
        }
        _ => Err(PyTypeError::new_err(wrong)),
    }
}

fn duration(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let delta = value.cast::<PyDelta>()?;
    delta.extract().map_err(|_| errors::config_text(value.py(), "a tolerance cannot be negative"))
}

/// One UTC offset, or several.
pub(crate) fn offsets(value: &Bound<'_, PyAny>) -> PyResult<Vec<UtcOffset>> {
    if value.is_instance_of::<PyString>() {
        return Ok(vec![offset(value)?]);
    }
    let offsets = value.cast::<PySequence>()?;
    offsets.try_iter()?.map(|item| offset(&item?)).collect()
}

fn offset(value: &Bound<'_, PyAny>) -> PyResult<UtcOffset> {
    let text = value.cast::<PyString>()?.to_string_lossy();
    text.parse().map_err(|error: counterfoil::ConfigError| errors::config(value.py(), &error))
}
