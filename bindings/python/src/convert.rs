//! Bodies and times: from Python, and back.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyUnicodeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDateTime, PyDelta, PyDeltaAccess, PyMemoryView, PyString, PyTzInfo};

use crate::errors;

/// From this size of a body on, others may run while it is checked.
///
/// Letting go of the interpreter costs 50 ns, and taking it back up to 5 ms where another thread is busy, which is its
/// switch interval. A body of this size takes about 0.15 ms: below it nobody waits long enough to gain by that.
pub(crate) const RELEASE_FROM_BYTES: usize = 256 * 1024;

/// Up to here a body is copied in less time than it takes to borrow it.
const SMALL: usize = 4096;

/// A body, or a part of one, as the engine takes it.
pub(crate) fn body(value: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    let bytes = bytes_object(value)?;
    Ok(match bytes.as_bytes() {
        small if small.len() <= SMALL => Bytes::copy_from_slice(small),
        _ => borrowed(bytes),
    })
}

/// The body as `bytes` that nobody can change: what is `bytes` is taken as it is, and every other buffer is copied, so
/// that it cannot be one thing when it is checked and another when it is used.
pub(crate) fn bytes_object<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = value.cast_exact::<PyBytes>() {
        return Ok(bytes.clone());
    }
    if value.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(
            "the body is a str: pass the bytes of the request, as received; text that was decoded, and JSON that was \
             parsed and written again, are not what was signed",
        ));
    }
    let view = PyMemoryView::from(value).map_err(|error| {
        let wrong = format!("the body is of type {}: pass the bytes of the request, as received", kind(value));
        if error.is_instance_of::<PyTypeError>(value.py()) { PyTypeError::new_err(wrong) } else { error }
    })?;
    Ok(view.call_method0("tobytes")?.cast_into::<PyBytes>()?)
}

/// The same bytes for the engine, without a copy.
pub(crate) fn borrowed(bytes: Bound<'_, PyBytes>) -> Bytes {
    Bytes::from_owner(PyBackedBytes::from(bytes))
}

/// Text for people, of which nothing depends: what is no Unicode is replaced.
pub(crate) struct Lossy(pub(crate) String);

impl<'py> FromPyObject<'_, 'py> for Lossy {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(value.cast::<PyString>()?.to_string_lossy().into_owned()))
    }
}

/// An argument that is a length of time.
#[derive(Clone, Copy)]
pub(crate) struct Span(pub(crate) Duration);

impl<'py> FromPyObject<'_, 'py> for Span {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let delta = value.cast::<PyDelta>()?;
        let negative = || errors::config_text(value.py(), "a negative timedelta: nothing takes less than no time");
        delta.extract().map(Self).map_err(|_: PyErr| negative())
    }
}

/// A `str` that is a setting. Half a pair of code units makes no text: a `ConfigError`, which unlike Python's own error
/// does not hold the setting, since people put secrets into addresses.
pub(crate) struct Text(pub(crate) String);

impl<'py> FromPyObject<'_, 'py> for Text {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let string = value.cast::<PyString>()?;
        let text = string.to_str().map(str::to_owned);
        text.map(Self)
            .map_err(|_| errors::config_text(value.py(), "a setting is no Unicode text: it holds a surrogate"))
    }
}

/// An argument that is a whole number. One that no such argument can hold is a `ConfigError`.
pub(crate) fn whole<'py, T>(value: &Bound<'py, PyAny>) -> PyResult<T>
where
    T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    let py = value.py();
    value.extract().map_err(|error: PyErr| {
        if !error.is_instance_of::<PyOverflowError>(py) {
            return error;
        }
        errors::config_text(py, "a number that is negative, or larger than any that works")
    })
}

/// A path. One that the system cannot be told is a `ConfigError`.
pub(crate) fn path(value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    let py = value.py();
    value.extract().map_err(|error: PyErr| {
        if !error.is_instance_of::<PyUnicodeError>(py) {
            return error;
        }
        errors::config_text(py, "a path is no Unicode text: it holds a surrogate")
    })
}

/// The name of a value's type, for messages that must not hold the value.
pub(crate) fn kind(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string())
}

/// The time of an aware `datetime`. A naive one is a `ConfigError`: it is a different time on every machine.
pub(crate) fn time(value: &Bound<'_, PyAny>) -> PyResult<SystemTime> {
    let py = value.py();
    let value = value.cast::<PyDateTime>()?;
    if value.call_method0("utcoffset")?.is_none() {
        let text = "a datetime without a time zone: write it as `datetime.now(UTC)` or `datetime(..., tzinfo=UTC)`";
        return Err(errors::config_text(py, text));
    }
    let since = value.sub(epoch(py)?)?.cast_into::<PyDelta>()?;
    // Beyond the years of UTC it could never be given back.
    if !(FIRST_DAY..=LAST_DAY).contains(&since.get_days()) {
        return Err(errors::config_text(py, "a datetime that lies outside the years 1 to 9999 in UTC"));
    }
    let seconds = i64::from(since.get_days()) * 86_400 + i64::from(since.get_seconds());
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let whole = if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
    let micros = Duration::from_micros(since.get_microseconds().unsigned_abs().into());
    let time = whole.and_then(|whole| whole.checked_add(micros));
    time.ok_or_else(|| errors::config_text(py, "a datetime that no clock of this system can show"))
}

/// A `datetime` in UTC, cut to microseconds. A time outside the years 1 to 9999 is `None`: a sender can sign one, and no
/// `datetime` can hold it.
pub(crate) fn datetime(py: Python<'_>, time: SystemTime) -> PyResult<Bound<'_, PyAny>> {
    let micros = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_micros()).unwrap_or(i128::MAX),
        // Cut towards the past on both sides of 1970.
        Err(before) => -i128::try_from(before.duration().as_nanos().div_ceil(1_000)).unwrap_or(i128::MAX),
    };
    let (days, rest) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let in_range = i32::try_from(days).ok().filter(|days| (FIRST_DAY..=LAST_DAY).contains(days));
    let Some(days) = in_range else { return Ok(py.None().into_bound(py)) };
    let (seconds, micros) = (i32::try_from(rest / 1_000_000)?, i32::try_from(rest % 1_000_000)?);
    epoch(py)?.add(PyDelta::new(py, days, seconds, micros, false)?)
}

/// 0001-01-01 in days from 1970-01-01.
const FIRST_DAY: i32 = -719_162;
/// 9999-12-31 in days from 1970-01-01.
const LAST_DAY: i32 = 2_932_896;

/// Fetches the classes of `datetime`, before a test that stops time puts others in their place.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    let zero = Duration::ZERO.into_pyobject(py)?;
    epoch(py)?.add(zero).map(drop)
}

fn epoch(py: Python<'_>) -> PyResult<&Bound<'_, PyDateTime>> {
    static EPOCH: PyOnceLock<Py<PyDateTime>> = PyOnceLock::new();
    let epoch = EPOCH.get_or_try_init(py, || {
        let utc = PyTzInfo::utc(py)?;
        PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&utc)).map(Bound::unbind)
    });
    epoch.map(|epoch| epoch.bind(py))
}
