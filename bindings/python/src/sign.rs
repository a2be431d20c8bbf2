//! Signs a body as a sender would: the scheme the other way round, for tests.

use counterfoil::{Clock, Signer, SystemClock};
use http::HeaderMap;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::{self, Text};
use crate::{errors, headers, secret, sender};

/// Signs a body as a sender would, for tests.
///
/// Args:
///     sender: The name of a sender, or a `Sender`.
///     secret: The secret, as the sender shows it.
///     body: The body.
///     at: The time to sign. Default: now. A time inside the body is the caller's affair.
///     headers: Headers that the sender signs besides the timestamp, such as an id. One that is absent is made of the
///         body's digest.
///     public_url: The address to sign, for a sender that signs it.
///
/// Returns:
///     The headers to send with the body, those that were passed included. Names are in lower case.
///
/// Raises:
///     ConfigError: Nobody but the sender can sign, the secret is none of this sender's, the scheme has no form for the
///         time, or a header was passed twice.
#[pyfunction]
#[pyo3(signature = (sender, secret, body, *, at = None, headers = None, public_url = None))]
pub(crate) fn sign<'py>(
    py: Python<'py>,
    sender: &Bound<'py, PyAny>,
    secret: &Bound<'py, PyAny>,
    body: &Bound<'py, PyAny>,
    at: Option<&Bound<'py, PyAny>>,
    headers: Option<&Bound<'py, PyAny>>,
    public_url: Option<Text>,
) -> PyResult<Bound<'py, PyDict>> {
    let sender = sender::resolve(sender)?;
    let config = |error: &(dyn std::error::Error + 'static)| errors::config(py, error);
    let mut signer = Signer::new(&sender, &secret::one(secret, &sender)?).map_err(|error| config(&error))?;
    if let Some(Text(url)) = public_url {
        signer = signer.with_public_url(&url).map_err(|error| config(&error))?;
    }
    let body = convert::body(body)?;
    let at = at.map_or_else(|| Ok(SystemClock.now()), convert::time)?;
    let mut map = headers.map_or_else(|| Ok(HeaderMap::new()), headers::read)?;
    if map.keys_len() != map.len() {
        return Err(errors::config_text(py, "a header is there twice: a dict of headers holds each once"));
    }
    signer.sign_into(&mut map, &body, at).map_err(|error| config(&error))?;
    let signed = PyDict::new(py);
    for (name, value) in &map {
        // As servers read them: each byte is a character.
        let value: String = value.as_bytes().iter().copied().map(char::from).collect();
        signed.set_item(name.as_str(), value)?;
    }
    Ok(signed)
}
