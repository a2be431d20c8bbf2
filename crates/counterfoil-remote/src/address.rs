//! Addresses that a program may name instead of the sender's own: an endpoint on this machine, and a proxy.

use reqwest::{Proxy, Url};

use crate::ClientError;

/// The address of an endpoint on this machine.
pub(crate) fn loopback(text: &str) -> Result<Url, ClientError> {
    let url = Url::parse(text).map_err(|_| ClientError::BadBaseUrl)?;
    let root = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let nobody = url.username().is_empty() && url.password().is_none();
    if is_http(&url) && is_loopback(&url) && root && nobody { Ok(url) } else { Err(ClientError::BadBaseUrl) }
}

/// A proxy for everything that is encrypted, and nothing else goes out.
pub(crate) fn proxy(text: &str) -> Result<Proxy, ClientError> {
    let url = Url::parse(text).map_err(|_| ClientError::BadProxy)?;
    if !is_http(&url) {
        return Err(ClientError::BadProxy);
    }
    Proxy::https(url).map_err(|_| ClientError::BadProxy)
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// By number: what a name stands for, somebody else may decide.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let number = host.trim_start_matches('[').trim_end_matches(']');
    number.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t22_only_this_machine_can_stand_in_for_the_sender() {
        for fit in ["http://127.0.0.1:3001", "http://127.0.0.1:3001/", "https://127.1.2.3", "http://[::1]:80"] {
            assert!(loopback(fit).is_ok(), "{fit}");
        }
        for unfit in [
            "",
            "127.0.0.1:3001",
            "http://localhost:3001",
            "http://localhost.example:3001",
            "http://example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "http://0.0.0.0:3001",
            "http://[::]:3001",
            "http://[::ffff:10.0.0.1]",
            "http://169.254.169.254",
            "http://127.0.0.1@example.com",
            "http://user@127.0.0.1",
            "http://127.0.0.1/path",
            "http://127.0.0.1?query",
            "http://127.0.0.1#fragment",
            "ftp://127.0.0.1",
            "file:///127.0.0.1",
        ] {
            assert!(matches!(loopback(unfit), Err(ClientError::BadBaseUrl)), "{unfit}");
        }
    }

    #[test]
    fn a_proxy_is_an_http_proxy() {
        assert!(proxy("http://proxy.example:3128").is_ok());
        assert!(proxy("https://user:password@proxy.example").is_ok());
        for unfit in ["", "proxy.example:3128", "socks5://proxy.example:1080", "http://"] {
            assert!(matches!(proxy(unfit), Err(ClientError::BadProxy)), "{unfit}");
        }
    }
}
