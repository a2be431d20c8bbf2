//! A clock for tests.

use std::time::Duration;

use counterfoil::testing::FixedClock as Inner;
use pyo3::prelude::*;

use crate::convert;

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
    fn advance(&self, by: Duration) {
        self.0.advance(by);
    }
}
