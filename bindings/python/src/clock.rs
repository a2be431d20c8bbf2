//! A clock for tests.

use counterfoil::Clock as _;
use counterfoil::testing::FixedClock as Inner;
use pyo3::prelude::*;

use crate::convert::{self, Span};
use crate::errors;

/// A clock for tests, which stands still until it is moved. Leases are not its affair: the store's own clock decides those.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct FixedClock(pub(crate) Inner);

#[pymethods]
impl FixedClock {
    #[new]
    fn new(now: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self(Inner::new(convert::time(now)?)))
    }

    /// Moves forward.
    fn advance(&self, py: Python<'_>, by: Span) -> PyResult<()> {
        if self.0.now().checked_add(by.0).is_none() {
            return Err(errors::config_text(py, "no clock can show that time"));
        }
        self.0.advance(by.0);
        Ok(())
    }
}
