//! Secrets: in, and never out again.

use std::time::SystemTime;

use counterfoil::SecretEncoding;
use counterfoil::scheme::Sender;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDateTime, PySequence, PyString, PyTuple};

use crate::convert::{self, Lossy};
use crate::errors;

/// The key bytes of one sender. Never shown, wiped from memory when dropped.
///
/// Most senders need no `Secret`: a `str` or `bytes` is read the way the sender writes its secrets. Its repr is
/// `Secret(redacted)`, it cannot be pickled, and there is no way to read the bytes back.
///
/// Args:
///     text: The secret, as the sender shows it.
///     encoding: How the text is written. `raw`: the text is the key, every byte of it, a `whsec_` in front included.
///         `base64`: standard base64 with padding. `hex`: hex of either case. `whsec`: `whsec_`, which is not part of
///         the key, and standard base64.
///
/// Raises:
///     ConfigError: The text is blank, is not of that encoding, or names a secret instead of being one, such as
///         `env:NAME`.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct Secret {
    inner: counterfoil::Secret,
}

#[pymethods]
impl Secret {
    #[new]
    #[pyo3(signature = (text, *, encoding = None), text_signature = "(text, *, encoding='raw')")]
    fn new(text: &Bound<'_, PyAny>, encoding: Option<Lossy>) -> PyResult<Self> {
        let encoding = encoding.map_or_else(|| "raw".to_owned(), |encoding| encoding.0);
        let encoding = match &*encoding {
            "raw" => SecretEncoding::Raw,
            "base64" => SecretEncoding::Base64,
            "hex" => SecretEncoding::Hex,
            "whsec" => SecretEncoding::Whsec,
            _ => {
                let wrong = "a secret's encoding is one of `raw`, `base64`, `hex` and `whsec`";
                return Err(errors::config_text(text.py(), wrong));
            }
        };
        Ok(Self { inner: decode(text, encoding)? })
    }

    fn __repr__(&self) -> &'static str {
        "Secret(redacted)"
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyTypeError::new_err("a Secret cannot be pickled: pass the place that it is read from, and read it there"))
    }

    fn __copy__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __deepcopy__(this: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        this
    }
}

/// One secret, or several, of which some end.
pub(crate) fn several(
    value: &Bound<'_, PyAny>,
    sender: &Sender,
) -> PyResult<Vec<(counterfoil::Secret, Option<SystemTime>)>> {
    let Ok(sequence) = value.cast::<PySequence>() else { return Ok(vec![(one(value, sender)?, None)]) };
    if is_text(value) {
        return Ok(vec![(one(value, sender)?, None)]);
    }
    sequence.try_iter()?.map(|item| dated(&item?, sender)).collect()
}

/// A secret, read the way `sender` writes its secrets.
pub(crate) fn one(value: &Bound<'_, PyAny>, sender: &Sender) -> PyResult<counterfoil::Secret> {
    if let Ok(secret) = value.cast::<Secret>() {
        return Ok(secret.get().inner.clone());
    }
    if value.is_none() {
        let text = format!("the secret of sender `{}` is None: is the variable set that it is read from?", sender.name);
        return Err(errors::config_text(value.py(), &text));
    }
    decode(value, sender.scheme.secret)
}

fn dated(item: &Bound<'_, PyAny>, sender: &Sender) -> PyResult<(counterfoil::Secret, Option<SystemTime>)> {
    if item.is_instance_of::<PyDateTime>() {
        return Err(PyTypeError::new_err("a secret with its end stands in a list: `[(secret, end)]`"));
    }
    let Ok(pair) = item.cast::<PyTuple>() else { return Ok((one(item, sender)?, None)) };
    if pair.len() != 2 {
        return Err(PyTypeError::new_err("a secret with its end is a tuple of two: `(secret, end)`"));
    }
    Ok((one(&pair.get_item(0)?, sender)?, Some(convert::time(&pair.get_item(1)?)?)))
}

fn is_text(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>()
}

/// Errors name no more than the type of what was passed: the rest may be a secret.
fn decode(text: &Bound<'_, PyAny>, encoding: SecretEncoding) -> PyResult<counterfoil::Secret> {
    let py = text.py();
    let secret = if let Ok(bytes) = text.cast::<PyBytes>() {
        counterfoil::Secret::decode(bytes.as_bytes(), encoding)
    } else if let Ok(string) = text.cast::<PyString>() {
        let Ok(text) = string.to_str() else {
            return Err(errors::config_text(py, "the secret is no Unicode text: pass its bytes"));
        };
        counterfoil::Secret::decode(text, encoding)
    } else {
        let kind = convert::kind(text);
        return Err(PyTypeError::new_err(format!("a secret is str, bytes or Secret, and not of type {kind}")));
    };
    secret.map_err(|error| errors::config(py, &error))
}
