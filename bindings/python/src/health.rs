//! How a receiver is doing.

use std::sync::Arc;

use counterfoil::idempotency::Survives;
use counterfoil::receiver::Health as Told;
use pyo3::prelude::*;

use crate::errors;

/// How a receiver is doing.
///
/// Attributes:
///     is_ready: Whether a load balancer should send deliveries here.
///     accepting: Whether new deliveries are accepted.
///     running: Deliveries under way, those that wait included.
///     waiting: Duplicates that wait for a first delivery.
///     durability: What an acknowledged event survives; None without a store.
///     store_error: Why the store does not answer; None where it does, or where there is none.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct Health(Arc<Told>);

impl Health {
    pub(crate) fn new(told: Arc<Told>) -> Self {
        Self(told)
    }
}

#[pymethods]
impl Health {
    #[getter]
    fn is_ready(&self) -> bool {
        self.0.is_ready()
    }

    #[getter]
    fn accepting(&self) -> bool {
        self.0.accepting
    }

    #[getter]
    fn running(&self) -> usize {
        self.0.running
    }

    #[getter]
    fn waiting(&self) -> usize {
        self.0.waiting
    }

    #[getter]
    fn durability(&self) -> Option<&'static str> {
        self.0.durability.map(|durability| match durability {
            Survives::Nothing => "nothing",
            Survives::ProcessCrash => "process_crash",
            Survives::PowerLoss => "power_loss",
            Survives::NodeLoss => "node_loss",
        })
    }

    #[getter]
    fn store_error(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let error = self.0.store.as_ref()?.as_ref().err()?;
        Some(errors::store(py, error).into_value(py).into_any())
    }

    fn __repr__(&self) -> String {
        let ready = if self.is_ready() { "ready" } else { "not ready" };
        format!("<Health {ready}, {} running, {} waiting>", self.0.running, self.0.waiting)
    }
}
