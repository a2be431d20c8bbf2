//! Asks the endpoint of a sender whose deliveries nobody else can check.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use counterfoil_remote::{Client, ClientBuilder, ClientError};
use pyo3::prelude::*;

use crate::convert::{Span, Text};
use crate::process::PerProcess;
use crate::{errors, runtime};

/// Asks a sender's endpoint, over HTTPS, for senders that nobody else can check.
///
/// Args:
///     timeout: How long a question may take in all; default 3 s, at most 30 s.
///     proxy: An HTTP proxy, such as `http://proxy.example:3128`. The environment's is not used.
///     bundled_roots: Trusts the certificate authorities that come with this package instead of the machine's.
///     insecure_base_url: For tests: asks an endpoint on this machine instead. The secrets go there.
///
/// Raises:
///     ConfigError: A setting cannot work.
#[pyclass(frozen, module = "counterfoil")]
pub(crate) struct Remote {
    settings: Settings,
    client: PerProcess<OnceLock<Client>>,
}

struct Settings {
    timeout: Option<Duration>,
    proxy: Option<String>,
    bundled_roots: bool,
    insecure_base_url: Option<String>,
}

impl Settings {
    fn builder(&self) -> ClientBuilder {
        let mut builder = Client::builder();
        if let Some(timeout) = self.timeout {
            builder = builder.timeout(timeout);
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy);
        }
        if self.bundled_roots {
            builder = builder.bundled_roots();
        }
        if let Some(url) = &self.insecure_base_url {
            builder = builder.insecure_base_url(url);
        }
        builder
    }
}

impl Remote {
    /// This process's client.
    pub(crate) fn client(&self, py: Python<'_>) -> PyResult<Client> {
        let cell: Arc<OnceLock<Client>> = self.client.get();
        if let Some(client) = cell.get() {
            return Ok(client.clone());
        }
        let runtime = runtime::handle()?;
        let _context = runtime.enter();
        let client = self.settings.builder().build().map_err(|error: ClientError| errors::config(py, &error))?;
        Ok(cell.get_or_init(|| client).clone())
    }
}

#[pymethods]
impl Remote {
    #[new]
    #[pyo3(signature = (*, timeout = None, proxy = None, bundled_roots = false, insecure_base_url = None))]
    fn new(
        py: Python<'_>,
        timeout: Option<Span>,
        proxy: Option<Text>,
        bundled_roots: bool,
        insecure_base_url: Option<Text>,
    ) -> PyResult<Self> {
        let settings = Settings {
            timeout: timeout.map(|span| span.0),
            proxy: proxy.map(|text| text.0),
            bundled_roots,
            insecure_base_url: insecure_base_url.map(|text| text.0),
        };
        let remote = Self { settings, client: PerProcess::new() };
        remote.client(py)?;
        Ok(remote)
    }
}
