//! Why a client cannot be built.

use std::error::Error;
use std::time::Duration;

use crate::builder::SHORTEST;

/// The client cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// There is no runtime to ask on.
    #[error("the client has to be built on a tokio runtime")]
    NoRuntime,
    /// A duration is none, or out of all proportion.
    #[error("the duration of `{setting}` has to lie between {SHORTEST:?} and {most:?}")]
    OutOfRange {
        /// The builder's method.
        setting: &'static str,
        /// The longest.
        most: Duration,
    },
    /// The endpoint of tests is not on this machine.
    #[error("`insecure_base_url` takes a scheme, a loopback address and a port, such as http://127.0.0.1:3001")]
    BadBaseUrl,
    /// The proxy is not one.
    #[error("`proxy` takes the URL of an HTTP proxy, such as http://proxy.example:3128")]
    BadProxy,
    /// There is nothing to encrypt with, or nobody to trust.
    #[error(
        "TLS cannot be set up; on a machine without certificate authorities, install them (most systems call the \
         package ca-certificates), name a file of them in SSL_CERT_FILE, or use `bundled_roots` (feature \
         `bundled-roots`)"
    )]
    Tls {
        /// What happened.
        source: Box<dyn Error + Send + Sync>,
    },
}
