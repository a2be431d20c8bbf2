//! Events, and what they are answered.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use counterfoil::{Clock as _, SystemClock, time::format_rfc3339};
use counterfoil_testkit::unique_name;
use counterfoil_tests::hex;

pub(crate) const SECRET: &str = "whsec_on_a_bad_disk_0123456789";

/// Longer than any answer takes: the receiver waits 5 s for its store.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: String,
    body: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Handled,
    Duplicate,
    /// With the code of the refusal; empty where it is not the receiver's.
    Other(u16, String),
    /// No answer: the service is gone.
    Nothing(String),
}

impl Said {
    pub(crate) fn is_ack(&self) -> bool {
        matches!(self, Self::Handled | Self::Duplicate)
    }
}

impl Event {
    pub(crate) fn new() -> Self {
        let (id, at) = (unique_name(), format_rfc3339(SystemClock.now()).unwrap());
        let body = format!(
            r#"{{"id":"{id}","type":"order.created","created_at":"{at}","data":{{"id":"{id}","total":850000}}}}"#
        );
        Self { id, body }
    }

    /// Sends it on a connection of its own.
    pub(crate) fn send(&self, address: SocketAddr) -> Said {
        match self.exchange(address) {
            Ok(reply) => read(&reply).unwrap_or(Said::Nothing(reply)),
            Err(error) => Said::Nothing(error.to_string()),
        }
    }

    fn exchange(&self, address: SocketAddr) -> std::io::Result<String> {
        let (tag, length) = (hex(&hmac_sha256::HMAC::mac(&self.body, SECRET)), self.body.len());
        let head = format!(
            "POST /webhooks/handl HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Handl-Signature: {tag}\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all((head + &self.body).as_bytes())?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    }
}

fn read(reply: &str) -> Option<Said> {
    let (head, body) = reply.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let is_duplicate = head.lines().any(|line| line.eq_ignore_ascii_case("x-webhook-duplicate: 1"));
    let code = body.split_once(r#""code":""#).and_then(|(_, rest)| rest.split_once('"')).map_or("", |(code, _)| code);
    Some(match status {
        200 if is_duplicate => Said::Duplicate,
        200 if body.is_empty() => Said::Handled,
        _ => Said::Other(status, code.to_owned()),
    })
}
