//! What a sender sends, signed and keyed without the code under test.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use counterfoil::{Clock as _, SystemClock};
use counterfoil_testkit::unique_name;
use counterfoil_tests::{WIRES, Wire, hex};

use crate::request::Request;

/// Of every sender, so that what one of them signs may be sent in another's name.
pub(crate) const SECRET: &str = "Zq7-canary-secret-Wx4";

/// One event on its way from its sender.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) wire: Wire,
    /// The timestamp header's text; empty where there is none.
    pub(crate) stamp: String,
    pub(crate) body: Vec<u8>,
    /// Where the event's key is made of one.
    pub(crate) id: Option<String>,
}

impl Event {
    /// A new one, written now.
    pub(crate) fn of(sender: &str) -> Self {
        Self::at(sender, SystemClock.now())
    }

    pub(crate) fn aged(sender: &str, seconds: u64) -> Self {
        Self::at(sender, SystemClock.now() - Duration::from_secs(seconds))
    }

    pub(crate) fn ahead(sender: &str, seconds: u64) -> Self {
        Self::at(sender, SystemClock.now() + Duration::from_secs(seconds))
    }

    fn at(sender: &str, at: SystemTime) -> Self {
        let wire = WIRES.into_iter().find(|wire| wire.sender == sender).unwrap();
        let (id, time, seconds) = (unique_name(), humantime::format_rfc3339_millis(at), seconds(at));
        let data = format!(r#""data":{{"id":"{id}","total":850000}}"#);
        let body = match sender {
            "handl" => format!(r#"{{"id":"{id}","type":"order.created","created_at":"{time}",{data}}}"#),
            "agiled" => format!(r#"{{"id":"{id}","event":"invoice.paid","occurred_at":"{time}",{data}}}"#),
            "agency-os-ai" | "agency-os-ai-plugin" => {
                format!(r#"{{"event":"invoice.paid","timestamp":{seconds},{data}}}"#)
            }
            _ => format!(r#"{{"event":"order.created","timestamp":"{time}",{data}}}"#),
        };
        let stamp = if wire.timestamp.is_some() { seconds.to_string() } else { String::new() };
        let id = ["handl", "agiled"].contains(&sender).then_some(id);
        Self { wire, stamp, body: body.into_bytes(), id }
    }

    /// The same event with another body.
    pub(crate) fn with_body(&self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self.clone() }
    }

    /// The same event, sent at another time.
    pub(crate) fn with_stamp(&self, stamp: impl Into<String>) -> Self {
        Self { stamp: stamp.into(), ..self.clone() }
    }

    /// The same event, filled up with white space to this many bytes.
    pub(crate) fn of_length(&self, length: usize) -> Self {
        let mut body = self.body.clone();
        body.resize(length, b' ');
        self.with_body(body)
    }

    pub(crate) fn tag(&self, secret: &str) -> [u8; 32] {
        let (stamp, separator) = self.wire.timestamp.map_or(("", ""), |(_, separator)| (&*self.stamp, separator));
        hmac_sha256::HMAC::mac([stamp.as_bytes(), separator.as_bytes(), &self.body].concat(), secret)
    }

    /// The digits of its signature.
    pub(crate) fn digits(&self) -> String {
        hex(&self.tag(SECRET))
    }

    /// What stands in its signature header.
    pub(crate) fn signature(&self) -> String {
        format!("{}{}", self.wire.prefix, self.digits())
    }

    /// As its sender sends it.
    pub(crate) fn request(&self) -> Request {
        self.signed_under(SECRET)
    }

    pub(crate) fn signed_under(&self, secret: &str) -> Request {
        let signature = format!("{}{}", self.wire.prefix, hex(&self.tag(secret)));
        self.unsigned().with(self.wire.signature, signature)
    }

    /// With all but its signature.
    pub(crate) fn unsigned(&self) -> Request {
        let request = Request::post(format!("/webhooks/{}", self.wire.sender), &self.body);
        match self.wire.timestamp {
            Some((header, _)) => request.with(header, &self.stamp),
            None => request,
        }
    }

    /// Under this in the place of its signature.
    pub(crate) fn under(&self, signature: impl AsRef<[u8]>) -> Request {
        self.unsigned().with(self.wire.signature, signature)
    }

    /// The key by the rule in `docs/design.md`, at the endpoint of its sender's name.
    pub(crate) fn key(&self) -> String {
        let digest = hmac_sha256::Hash::hash(&self.body);
        let (kind, value) = self.id.as_ref().map_or(("body", &digest[..]), |id| ("text", id.as_bytes()));
        let sender = self.wire.sender.as_bytes();
        let mut hash = hmac_sha256::Hash::new();
        for part in [b"counterfoil-key-1", sender, sender, b"", kind.as_bytes(), value] {
            hash.update(u64::try_from(part.len()).unwrap().to_be_bytes());
            hash.update(part);
        }
        hex(&hash.finalize()[..16])
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.key(), self.request())
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The time, as a header has it.
pub(crate) fn now() -> u64 {
    seconds(SystemClock.now())
}
