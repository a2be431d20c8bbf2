//! Headers of any container: each pair as the wire had it, doubled ones doubled.

use std::borrow::Cow;

use counterfoil::ConfigError;
use counterfoil::scheme::Sender;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, HeaderValue};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::convert::kind;

/// Stands for a byte that no header can hold. No signature, no time and no UTF-8 has it, so that such a value never
/// verifies.
const FORBIDDEN: u8 = 0xFF;

/// More names than any server lets through, and fewer than a map can hold: a full one would not see a header doubled.
const MOST_NAMES: usize = 4_096;

/// Every header. A name that no header can have is dropped, and so are names beyond [`MOST_NAMES`].
pub(crate) fn read(headers: &Bound<'_, PyAny>) -> PyResult<HeaderMap> {
    let mut map = HeaderMap::new();
    each(headers, |name, value| {
        let name = text(name)?;
        if let Ok(name) = HeaderName::from_bytes(&name)
            && (map.keys_len() < MOST_NAMES || map.contains_key(&name))
        {
            append(&mut map, name, value)?;
        }
        Ok(())
    })?;
    Ok(map)
}

/// The names of the headers that a sender's deliveries are judged by.
pub(crate) struct Wanted(Box<[HeaderName]>);

impl Wanted {
    /// Fails where the sender breaks a rule.
    pub(crate) fn of(sender: &Sender) -> Result<Self, ConfigError> {
        Ok(Self(sender.headers()?.into()))
    }

    /// And those by which any request is judged.
    pub(crate) fn of_request(sender: &Sender) -> Result<Self, ConfigError> {
        Ok(Self(sender.headers()?.into_iter().chain([CONTENT_ENCODING, CONTENT_LENGTH]).collect()))
    }

    /// These headers alone. The others are not copied, and decide nothing.
    pub(crate) fn read(&self, headers: &Bound<'_, PyAny>) -> PyResult<HeaderMap> {
        let mut map = HeaderMap::with_capacity(self.0.len());
        each(headers, |name, value| {
            let name = text(name)?;
            let wanted = self.0.iter().find(|wanted| wanted.as_str().as_bytes().eq_ignore_ascii_case(&name));
            if let Some(wanted) = wanted {
                append(&mut map, wanted.clone(), value)?;
            }
            Ok(())
        })?;
        Ok(map)
    }
}

fn append(map: &mut HeaderMap, name: HeaderName, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let bytes = text(value)?;
    let value = HeaderValue::from_bytes(&bytes).or_else(|_| HeaderValue::from_bytes(&allowed(&bytes)));
    if let Ok(value) = value {
        map.append(name, value);
    }
    Ok(())
}

fn allowed(bytes: &[u8]) -> Vec<u8> {
    let allowed = |byte: &u8| if (*byte < 0x20 && *byte != b'\t') || *byte == 0x7F { FORBIDDEN } else { *byte };
    bytes.iter().map(allowed).collect()
}

/// Calls `take` with each name and value, in the order in which they came.
fn each<'py>(
    headers: &Bound<'py, PyAny>,
    mut take: impl FnMut(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    let py = headers.py();
    if let Ok(dict) = headers.cast_exact::<PyDict>() {
        return dict.iter().try_for_each(|(name, value)| take(&name, &value));
    }
    if let Ok(list) = headers.cast_exact::<PyList>() {
        return list.iter().try_for_each(|pair| take_pair(&pair, &mut take));
    }
    if headers.is_instance_of::<PyString>() || headers.is_instance_of::<PyBytes>() {
        return Err(unfit(headers));
    }
    // What some frameworks keep beside a view that joins doubled headers.
    if let Some(raw) = headers.getattr_opt(intern!(py, "raw"))?
        && (raw.is_instance_of::<PyList>() || raw.is_instance_of::<PyTuple>())
    {
        return raw.try_iter()?.try_for_each(|pair| take_pair(&pair?, &mut take));
    }
    let pairs = match headers.getattr_opt(intern!(py, "items"))? {
        Some(items) => items.call0()?.try_iter(),
        None => headers.try_iter(),
    };
    pairs.map_err(|_| unfit(headers))?.try_for_each(|pair| take_pair(&pair?, &mut take))
}

fn take_pair<'py>(
    pair: &Bound<'py, PyAny>,
    take: &mut impl FnMut(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    if let Ok(tuple) = pair.cast::<PyTuple>()
        && tuple.len() == 2
    {
        return take(&tuple.get_item(0)?, &tuple.get_item(1)?);
    }
    if let Ok(list) = pair.cast::<PyList>()
        && list.len() == 2
    {
        return take(&list.get_item(0)?, &list.get_item(1)?);
    }
    Err(PyTypeError::new_err("headers are pairs of a name and a value"))
}

fn unfit(headers: &Bound<'_, PyAny>) -> PyErr {
    let kind = kind(headers);
    PyTypeError::new_err(format!("headers are a mapping, pairs, or a framework's own object, and not of type {kind}"))
}

/// The bytes that a server made this text of. Servers decode headers as latin-1; what is not of it was decoded by
/// somebody else, as UTF-8.
fn text<'t>(value: &'t Bound<'_, PyAny>) -> PyResult<Cow<'t, [u8]>> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    let Ok(string) = value.cast::<PyString>() else {
        let text = format!("a header's name and value are str or bytes, and not of type {}", kind(value));
        return Err(PyTypeError::new_err(text));
    };
    let Ok(text) = string.to_str() else { return Ok(surrogates(string)) };
    if text.is_ascii() {
        return Ok(Cow::Borrowed(text.as_bytes()));
    }
    let latin: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect();
    Ok(latin.map_or_else(|| Cow::Borrowed(text.as_bytes()), Cow::Owned))
}

/// Half a pair of code units is no character of a header. Nothing of Python runs here: a dict is being read.
fn surrogates<'t>(string: &Bound<'_, PyString>) -> Cow<'t, [u8]> {
    string.to_string_lossy().chars().map(|char| u8::try_from(u32::from(char)).unwrap_or(FORBIDDEN)).collect()
}
