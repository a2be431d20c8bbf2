//! Errors of the engine as exceptions of `counterfoil.errors`, which are Python classes.

use std::error::Error;

use counterfoil::{ConfigError, Rejection, SecretEncoding, SignError, StoreError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

const MODULE: &str = "counterfoil.errors";

/// A `ConfigError` with everything that lies under `error`.
pub(crate) fn config(py: Python<'_>, error: &(dyn Error + 'static)) -> PyErr {
    let own = match error.downcast_ref::<ConfigError>() {
        Some(error) => in_python(error),
        None => error.downcast_ref::<SignError>().and_then(sign_in_python),
    };
    config_text(py, &with_causes(own, error))
}

/// A `ConfigError` that says `text`.
pub(crate) fn config_text(py: Python<'_>, text: &str) -> PyErr {
    exception(py, "ConfigError", (text,))
}

/// The exception of a refusal, to be raised.
pub(crate) fn rejection(py: Python<'_>, rejection: &Rejection) -> PyErr {
    raised(rejection_object(py, rejection))
}

/// The exception of a refusal, as a value.
pub(crate) fn rejection_value(py: Python<'_>, rejection: &Rejection) -> PyResult<Py<PyAny>> {
    rejection_object(py, rejection).map(Bound::unbind)
}

/// A `StoreError` with everything that lies under `error`.
pub(crate) fn store(py: Python<'_>, error: &StoreError) -> PyErr {
    exception(py, "StoreError", (with_causes(None, error), error.is_transient()))
}

/// A `StoreError` of a store that could not be opened: why not, without saying first that it is unavailable.
pub(crate) fn unopened(py: Python<'_>, error: &StoreError) -> PyErr {
    let text = with_causes(None, error.source().unwrap_or(error));
    exception(py, "StoreError", (text, error.is_transient()))
}

fn rejection_object<'py>(py: Python<'py>, rejection: &Rejection) -> PyResult<Bound<'py, PyAny>> {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = MAKE.import(py, MODULE, "rejection")?;
    let reason = with_causes(None, rejection);
    make.call1((rejection.kind().code(), rejection.status(), reason, rejection.retry_after()))
}

fn raised(exception: PyResult<Bound<'_, PyAny>>) -> PyErr {
    exception.map_or_else(|error| error, PyErr::from_value)
}

/// What an error says, or `own` in its place, with what lies under it.
pub(crate) fn with_causes(own: Option<String>, error: &(dyn Error + 'static)) -> String {
    let mut text = own.unwrap_or_else(|| error.to_string());
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        // Some errors say themselves what caused them.
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

/// The name of an encoding in `Secret(text, encoding=...)`.
pub(crate) fn encoding(encoding: SecretEncoding) -> &'static str {
    match encoding {
        SecretEncoding::Raw => "raw",
        SecretEncoding::Base64 => "base64",
        SecretEncoding::Hex => "hex",
        SecretEncoding::Whsec => "whsec",
        _ => "another encoding",
    }
}

/// What to change in Python, for the errors that say what to change in Rust.
fn in_python(error: &ConfigError) -> Option<String> {
    Some(match error {
        ConfigError::SecretMissing { sender } => {
            format!("no secret for sender `{sender}`: pass one, or a list of them")
        }
        ConfigError::SecretUndecodable { encoding: read } => {
            let read = encoding(*read);
            format!("the secret is not valid {read}: copy it again, whole, or correct the encoding")
        }
        ConfigError::SecretEncoding { sender, wanted, given } => {
            let (wanted, given) = (encoding(*wanted), encoding(*given));
            format!(
                "sender `{sender}` writes its secrets as {wanted}, this one was read as {given}: pass the text itself, \
                 or `Secret(text, encoding=\"{wanted}\")`"
            )
        }
        ConfigError::SecretUnused { sender, .. } => {
            format!("sender `{sender}` is unsigned and checks no secret: pass `[]`, or choose a check that uses it")
        }
        ConfigError::Sha1 { sender } => format!("sender `{sender}` signs with SHA-1, which this build does not check"),
        ConfigError::RemoteMissing { sender } => {
            format!("sender `{sender}` is checked by its own endpoint: pass `remote=Remote()`")
        }
        ConfigError::WebhookIdMissing { sender } => {
            format!(
                "sender `{sender}` is checked by its own endpoint, which wants the webhook's id: pass `webhook_id=`"
            )
        }
        ConfigError::PublicUrlMissing { sender } => format!(
            "sender `{sender}` signs the address that it sends to: pass `public_url=`, exactly as it was given to the \
             sender"
        ),
        ConfigError::SettingUnused { sender, setting } => {
            format!("sender `{sender}` has no use for `{setting}=`: remove it")
        }
        ConfigError::StoreMissing { setting } => {
            format!("`{setting}=` does nothing without a store: pass `store=`, or remove it")
        }
        ConfigError::UtcOffsetMissing { sender } => format!(
            "sender `{sender}` signs its site's local time: pass the site's UTC offset, such as `utc_offset=\"+02:00\"`, \
             or use `tolerance=\"retry_safe\"` with a store"
        ),
        ConfigError::RetentionTooShort { retention, least } => format!(
            "a retention of {retention:?} is shorter than the replay bound {least:?} (past + future tolerance + lease + \
             handler time where it outlasts the lease + 1 h): raise `retention=`, narrow the tolerance, or lower \
             `handler_time=`"
        ),
        _ => return None,
    })
}

fn sign_in_python(error: &SignError) -> Option<String> {
    let text = "the sender signs the receiver's address: pass `public_url=`";
    matches!(error, SignError::PublicUrlMissing).then(|| text.to_owned())
}

/// An exception of `counterfoil.errors`, made of these arguments.
pub(crate) fn exception<'py>(py: Python<'py>, name: &str, arguments: impl pyo3::call::PyCallArgs<'py>) -> PyErr {
    raised(py.import(MODULE).and_then(|errors| errors.getattr(name)?.call1(arguments)))
}
