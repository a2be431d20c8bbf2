//! Senders: the built-in ones, those of the catalogue, and those of a file.

use std::path::PathBuf;

use counterfoil::scheme::Check;
use counterfoil::senders;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySequence, PyString};

use crate::convert::{self, Text};
use crate::errors;

/// How one vendor signs, and where id, type and time stand. Immutable.
///
/// There are some in `counterfoil.senders()`, and `counterfoil.load_senders` reads others from a file. The methods give
/// changed copies, for vendors that let their users choose.
///
/// Example:
///     >>> import counterfoil
///     >>> angage = counterfoil.senders()["angage"]
///     >>> angage.with_event_id_at("/delivery_id").name
///     'angage'
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct Sender {
    inner: counterfoil::scheme::Sender,
}

impl Sender {
    fn with(&self, change: impl FnOnce(counterfoil::scheme::Sender) -> counterfoil::scheme::Sender) -> Self {
        Self { inner: change(self.inner.clone()) }
    }
}

#[pymethods]
impl Sender {
    /// The name in keys, logs and metrics: lower case, words joined by `-`.
    #[getter]
    fn name(&self) -> &str {
        &self.inner.name
    }

    /// The header that carries the signature or the credential; None where nothing is checked.
    #[getter]
    fn header(&self) -> Option<&str> {
        self.inner.scheme.header()
    }

    /// Takes the event's id from this place in the body.
    ///
    /// Args:
    ///     pointer: A JSON pointer (RFC 6901), such as `/delivery_id`.
    fn with_event_id_at(&self, pointer: Text) -> Self {
        self.with(|sender| sender.with_event_id_at(pointer.0))
    }

    /// Makes the event's id of several members of the body together, for senders that give no event an id of its own.
    ///
    /// Args:
    ///     pointers: One to four JSON pointers. Each member must be fit to be an id by itself.
    fn with_event_id_from(&self, pointers: &Bound<'_, PyAny>) -> PyResult<Self> {
        if pointers.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("pointers are a list of str: for one, use `with_event_id_at`"));
        }
        // One by one: a sequence may say of itself that it is longer than any memory.
        let pointers = pointers.cast::<PySequence>()?.try_iter()?.map(|pointer| pointer?.extract::<Text>());
        let pointers = pointers.collect::<PyResult<Vec<Text>>>()?;
        Ok(self.with(|sender| sender.with_event_id_from(pointers.into_iter().map(|Text(pointer)| pointer))))
    }

    /// Reads the event's type from this place in the body.
    ///
    /// Args:
    ///     pointer: A JSON pointer (RFC 6901), such as `/type`.
    fn with_event_type_at(&self, pointer: Text) -> Self {
        self.with(|sender| sender.with_event_type_at(pointer.0))
    }

    /// Proves deliveries by a bearer token in `Authorization`. The secret is the token.
    ///
    /// Security: A token proves who speaks, and nothing of what is said. Whoever reads one request can send any other;
    /// no time is checked, and a replay is only recognised by its key.
    fn with_bearer(&self) -> Self {
        self.with(|sender| sender.with_check(Check::bearer()))
    }

    /// Proves deliveries by basic authentication. The secret is `user:password`.
    ///
    /// Security: As `with_bearer`.
    fn with_basic(&self) -> Self {
        self.with(|sender| sender.with_check(Check::basic()))
    }

    /// Proves deliveries by a key in this header. The secret is the key.
    ///
    /// Security: As `with_bearer`.
    fn with_api_key(&self, header: Text) -> Self {
        self.with(|sender| sender.with_check(Check::api_key(header.0)))
    }

    /// Takes every delivery for proven. The secret is then `[]`.
    ///
    /// Security: Whoever can reach the address decides what happened. Only for an address that nobody else can reach.
    fn insecure_unsigned(&self) -> Self {
        self.with(counterfoil::scheme::Sender::insecure_unsigned)
    }

    fn __repr__(&self) -> String {
        let header = self.inner.scheme.header().map_or_else(|| "None".to_owned(), |header| format!("'{header}'"));
        format!("Sender(name='{}', header={header})", self.inner.name)
    }
}

/// The senders that the package knows, by name: those that it is made for, and those of its catalogue.
///
/// Returns:
///     A new dict from names to senders.
#[pyfunction(name = "senders")]
pub(crate) fn senders_by_name(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    by_name(py, known())
}

fn known() -> impl Iterator<Item = &'static counterfoil::scheme::Sender> {
    senders::ALL.iter().chain(senders::catalogue())
}

fn by_name<'py, 's>(
    py: Python<'py>,
    senders: impl IntoIterator<Item = &'s counterfoil::scheme::Sender>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for sender in senders {
        dict.set_item(&*sender.name, Sender { inner: sender.clone() })?;
    }
    Ok(dict)
}

/// Reads the `[[sender]]` tables of a TOML file.
///
/// Args:
///     path: The file. The page on the catalogue describes its fields.
///
/// Returns:
///     A dict from names to senders, in the order of the file.
///
/// Raises:
///     ConfigError: The file cannot be read, or something in it is wrong. Names the line, the sender and the field.
#[pyfunction]
pub(crate) fn load_senders<'py>(
    py: Python<'py>,
    #[pyo3(from_py_with = convert::path)] path: PathBuf,
) -> PyResult<Bound<'py, PyDict>> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let wrong = errors::config_text(py, &format!("the senders of {place} cannot be read: {error}"));
        wrong.set_cause(py, Some(error.into()));
        wrong
    })?;
    let senders = senders::from_toml(&text);
    let senders = senders.map_err(|error| errors::config_text(py, &format!("{place}: {error}")))?;
    by_name(py, &senders)
}

/// The sender of that name, or the one that is passed.
pub(crate) fn resolve(value: &Bound<'_, PyAny>) -> PyResult<counterfoil::scheme::Sender> {
    if let Ok(sender) = value.cast::<Sender>() {
        return Ok(sender.get().inner.clone());
    }
    let Ok(name) = value.cast::<PyString>() else {
        let kind = convert::kind(value);
        return Err(PyTypeError::new_err(format!("a sender is a name or a Sender, and not of type {kind}")));
    };
    let name = name.to_string_lossy();
    known().find(|sender| sender.name == name).cloned().map_or_else(|| Err(unknown(value.py(), &name)), Ok)
}

fn unknown(py: Python<'_>, name: &str) -> PyErr {
    let shown: String = name.chars().take(64).collect();
    let names: Vec<&str> = known().map(|sender| &*sender.name).collect();
    let near = py.import("difflib").and_then(|difflib| {
        difflib.call_method1("get_close_matches", (shown.to_lowercase(), names))?.extract::<Vec<String>>()
    });
    let hint = match near.unwrap_or_default() {
        near if near.is_empty() => {
            "`counterfoil.senders()` lists those that are known, and `load_senders` reads others".to_owned()
        }
        near => format!("did you mean `{}`?", near.join("` or `")),
    };
    errors::config_text(py, &format!("no sender is called {shown:?}: {hint}"))
}
