//! Opening a store: its address, its prefix, and why it cannot be had.

use std::error::Error;
use std::fmt;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError};
use tokio::runtime::Handle;

use crate::RedisStore;
use crate::link::Dialer;
use crate::rows::Keys;
use crate::wire::Wire;

/// What rows are called by default.
const PREFIX: &str = "counterfoil:";

/// Every row carries it.
const MAX_PREFIX_BYTES: usize = 64;

/// Settings of a store that is not open yet.
///
/// ```no_run
/// # async fn open() -> Result<(), counterfoil_redis::OpenError> {
/// use counterfoil_redis::RedisStore;
///
/// let store = RedisStore::builder("redis://127.0.0.1:6379/0").prefix("shop:").open().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing happens before it is opened"]
pub struct RedisStoreBuilder {
    url: String,
    prefix: String,
}

impl RedisStoreBuilder {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), prefix: PREFIX.to_owned() }
    }

    /// What the names of all rows begin with, `counterfoil:` by default: 1 to 64 printable ASCII characters other than
    /// `{`, `}`, `*`, `?`, `[`, `]` and `\`. Stores of one prefix on one server and database share their events.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Whether the settings could be those of a store, as far as that can be told without a server.
    ///
    /// # Errors
    /// [`OpenError::BadPrefix`] or [`OpenError::BadUrl`].
    pub fn check(&self) -> Result<(), OpenError> {
        self.address().map(drop)
    }

    fn address(&self) -> Result<ConnectionInfo, OpenError> {
        if !is_prefix(&self.prefix) {
            return Err(OpenError::BadPrefix);
        }
        let address = self.url.as_str().into_connection_info();
        address.map_err(|source| OpenError::BadUrl { source: Box::new(source) })
    }

    /// Connects. The store's connection lives on the tokio runtime that this is called on, which needs its I/O and
    /// time drivers; the store itself may be used from anywhere for as long as that runtime lives.
    ///
    /// # Errors
    /// The settings are wrong, the server cannot be reached, or rows would not be safe on it.
    pub async fn open(self) -> Result<RedisStore, OpenError> {
        let address = self.address()?;
        let runtime = Handle::try_current().map_err(|_| OpenError::NoRuntime)?;
        if matches!(address.addr(), ConnectionAddr::TcpTls { .. }) {
            can_encrypt()?;
        }
        let wire = Wire::open(Dialer::new(address)?, &runtime).await?;
        Ok(RedisStore { wire, keys: Keys::new(&self.prefix) })
    }
}

/// Without the URL, which may hold a password.
impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Nothing in it has to be escaped in a pattern, and only what follows it chooses the slot of a cluster.
fn is_prefix(prefix: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"{}*?[]\\".contains(&byte);
    (1..=MAX_PREFIX_BYTES).contains(&prefix.len()) && prefix.bytes().all(plain)
}

/// rustls panics where it does not know which provider to use.
#[cfg(feature = "tls-rustls")]
fn can_encrypt() -> Result<(), OpenError> {
    rustls::crypto::CryptoProvider::get_default().map(drop).ok_or(OpenError::NoTlsProvider)
}

/// Another crate may have switched on the TLS of `redis`, which is nothing that this one has looked at.
#[cfg(not(feature = "tls-rustls"))]
fn can_encrypt() -> Result<(), OpenError> {
    Err(OpenError::BadUrl { source: "the feature `tls-rustls` is off".into() })
}

/// The server cannot be used as a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is not the address of a server.
    #[error("the URL is none of `redis://`, `rediss://` (feature `tls-rustls`) or `redis+unix://`")]
    BadUrl {
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The prefix cannot begin the name of a row.
    #[error("a prefix is 1 to 64 printable ASCII characters other than {{ }} * ? [ ] and \\")]
    BadPrefix,
    /// There is no runtime to keep the connection on.
    #[error("the store has to be opened on a tokio runtime")]
    NoRuntime,
    /// There is nothing to do the TLS with.
    #[error("no TLS provider: call `install_default` of one of rustls' `CryptoProvider`s when the program starts")]
    NoTlsProvider,
    /// The server cannot be reached, or refused.
    #[error("the server cannot be reached, or refused")]
    Redis {
        /// What happened.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server does not say what has to be known.
    #[error("the server's INFO says nothing of `{about}`: allow it, or use another server")]
    Silent {
        /// The line that is missing.
        about: &'static str,
    },
    /// The server removes rows when its memory is full.
    #[error(
        "the server may remove events that are still needed (maxmemory-policy is `{policy}`): set it to `noeviction`"
    )]
    Evicts {
        /// The policy.
        policy: String,
    },
    /// The server is a copy of another one, and takes no writes.
    #[error("the server is a replica: use the address of its master")]
    Replica,
    /// The server keeps only a part of the keys.
    #[error("the server is a node of a cluster: use a server with cluster-enabled set to `no`, or a proxy before it")]
    Cluster,
}

pub(crate) fn refused(source: RedisError) -> OpenError {
    OpenError::Redis { source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_need_no_escaping() {
        for good in ["counterfoil:", "a", "shop-1/live.", &"x".repeat(64)] {
            assert!(is_prefix(good), "{good}");
        }
        for bad in ["", " ", "a b", "é", "a*", "a?", "[a]", "a\\", "{a}", "a\n", &"x".repeat(65)] {
            assert!(!is_prefix(bad), "{bad:?}");
        }
    }
}
