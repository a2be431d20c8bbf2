//! What the engine reports, through Python's `logging`.
//!
//! The engine's threads never wait for the interpreter, so they put their reports down here. The next call from Python, or
//! the event loop, hands them to the logger `counterfoil`.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::process::PerProcess;

/// The engine's target, and the name of Python's logger.
const TARGET: &str = "counterfoil";

/// A process that nobody calls any more keeps the first of its reports, not all of them.
const MOST: usize = 1024;

static REPORTS: PerProcess<Reports> = PerProcess::new();

#[derive(Default)]
struct Reports {
    waiting: Mutex<Vec<Report>>,
    any: AtomicBool,
    lost: AtomicUsize,
}

/// Whether somebody listens to what is not a warning: one report for each delivery costs more than to verify it.
static VERBOSE: AtomicBool = AtomicBool::new(false);

struct Report {
    level: Level,
    message: String,
    fields: Vec<(&'static str, Value)>,
}

enum Value {
    Text(String),
    Integer(i64),
}

impl Value {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => number.fmt(f),
        }
    }
}

/// Takes the engine's reports. There is nothing in this module that anybody else could subscribe to.
pub(crate) fn listen() {
    // A second interpreter in this process finds the first one's.
    let _ = tracing::subscriber::set_global_default(Listener);
}

/// Asks the logger how much it wants to hear.
pub(crate) fn refresh(py: Python<'_>) {
    const INFO: u8 = 20;
    let verbose = logger(py).and_then(|logger| logger.call_method1("isEnabledFor", (INFO,))?.is_truthy());
    VERBOSE.store(verbose.unwrap_or(false), Ordering::Relaxed);
}

/// Hands over what has been reported.
pub(crate) fn deliver(py: Python<'_>) {
    let reports = REPORTS.get();
    if !reports.any.swap(false, Ordering::Relaxed) {
        return;
    }
    let waiting = std::mem::take(&mut *reports.waiting.lock().unwrap_or_else(PoisonError::into_inner));
    for report in waiting {
        if let Err(error) = report.log(py) {
            error.write_unraisable(py, None);
        }
    }
    let lost = reports.lost.swap(0, Ordering::Relaxed);
    if lost > 0
        && let Err(error) = logger(py).and_then(|logger| logger.call_method1("error", ("%d reports were lost", lost)))
    {
        error.write_unraisable(py, None);
    }
}

fn logger(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static LOGGER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let logger =
        LOGGER.get_or_try_init(py, || py.import("logging")?.call_method1("getLogger", (TARGET,)).map(Bound::unbind));
    logger.map(|logger| logger.bind(py))
}

impl Report {
    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Text(message)) => self.message = message,
            (name, value) => self.fields.push((name, value)),
        }
    }

    fn log(self, py: Python<'_>) -> PyResult<()> {
        let level = match self.level {
            Level::ERROR => 40,
            Level::WARN => 30,
            Level::INFO => 20,
            _ => 10,
        };
        let extra = PyDict::new(py);
        let mut text = self.message;
        for (name, value) in self.fields {
            if !value.is_empty() {
                text = format!("{text} {name}={value}");
            }
            match value {
                Value::Text(value) => extra.set_item(name, value)?,
                Value::Integer(value) => extra.set_item(name, value)?,
            }
        }
        let arguments = PyDict::new(py);
        arguments.set_item("extra", extra)?;
        logger(py)?.call_method("log", (level, "%s", text), Some(&arguments)).map(drop)
    }
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target() == TARGET
            && (*metadata.level() <= Level::WARN || VERBOSE.load(Ordering::Relaxed))
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        // Not for ever: how much the logger wants to hear may change.
        if metadata.is_event() && metadata.target() == TARGET {
            tracing::subscriber::Interest::sometimes()
        } else {
            tracing::subscriber::Interest::never()
        }
    }

    fn event(&self, event: &Event<'_>) {
        let mut report = Report { level: *event.metadata().level(), message: String::new(), fields: Vec::new() };
        event.record(&mut report);
        let reports = REPORTS.get();
        let mut waiting = reports.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST {
            waiting.push(report);
        } else {
            reports.lost.fetch_add(1, Ordering::Relaxed);
        }
        drop(waiting);
        reports.any.store(true, Ordering::Relaxed);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Report {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::Text(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Integer(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::Integer(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, Value::Text(crate::errors::with_causes(None, value)));
    }
}
