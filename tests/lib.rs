//! What several test binaries need: the vectors, and requests that were made without the code under test.

use std::future::Future;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use counterfoil::receiver::{Answer, Head, Received};
use counterfoil::scheme::Sender;
use counterfoil::verifier::VerifierBuilder;
use counterfoil::{Receiver, Secret, Tolerance, UtcOffset, Verifier, senders};
use counterfoil_tower::Tokio;
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde::Deserialize;

/// Takes a request to a receiver as an adapter does, up to the point where its event would be claimed.
///
/// # Errors
/// The receiver's answer, where there is nothing to handle.
pub async fn receive(
    receiver: &Receiver,
    method: &Method,
    headers: &HeaderMap,
    frames: impl IntoIterator<Item = Bytes>,
) -> Result<Received, Answer> {
    let uri = Uri::default();
    let mut intake = receiver.head(&Tokio, &Head::new(method, &uri, headers)).await?;
    frames.into_iter().try_for_each(|frame| intake.push(frame))?;
    intake.finish(headers)
}

/// The outcome of what has no reason to wait.
///
/// # Panics
/// It waits.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("something waits that has no reason to"),
    }
}

/// One request and the outcome that the rules give it; `vectors/make.py` says how they were made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// What it is about.
    pub name: String,
    /// The active secrets, written as the sender writes them.
    pub secrets: Vec<String>,
    headers: Vec<(String, FieldValue)>,
    body: String,
    at: String,
    tolerance: String,
    utc_offset: Option<String>,
    /// `valid`, or the code of the refusal.
    pub expected: String,
    /// The event's id; an integer by its digits. On valid vectors only.
    pub event_id: Option<String>,
    /// The event's type. On valid vectors only.
    pub event_type: Option<String>,
    signed_at: Option<String>,
    /// The address that the sender was given, where it signs it.
    public_url: Option<String>,
    /// The text to echo, where the expected outcome is `challenge`.
    pub challenge: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum FieldValue {
    Ascii(String),
    Bytes { base64: String },
}

impl Vector {
    /// Every vector of a sender.
    ///
    /// # Panics
    /// The file is absent, or not of the form that `make.py` writes.
    #[must_use]
    pub fn load(sender: &str) -> Vec<Self> {
        Self::read(sender, "")
    }

    /// Every vector of a sender of the catalogue.
    ///
    /// # Panics
    /// As [`load`](Self::load).
    #[must_use]
    pub fn load_of_catalogue(sender: &str) -> Vec<Self> {
        Self::read(sender, "catalogue/")
    }

    fn read(sender: &str, folder: &str) -> Vec<Self> {
        #[derive(Deserialize)]
        struct File {
            sender: String,
            vectors: Vec<Vector>,
        }
        let path = format!("{}/vectors/{folder}{sender}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let file: File = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(file.sender, sender, "{path} is about another sender");
        file.vectors
    }

    /// Whether the delivery is to be accepted.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.expected == "valid"
    }

    /// The headers, in the order sent.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let value = |value: &FieldValue| match value {
            FieldValue::Ascii(text) => HeaderValue::from_str(text).expect("a header value"),
            FieldValue::Bytes { base64 } => HeaderValue::from_bytes(&decode(base64)).expect("a header value"),
        };
        self.headers.iter().map(|(name, text)| (name.parse().expect("a header name"), value(text))).collect()
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> Bytes {
        decode(&self.body).into()
    }

    /// The receiver's clock.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        instant(&self.at)
    }

    /// The signed time. On valid vectors only, and not where it cannot be known.
    #[must_use]
    pub fn signed_at(&self) -> Option<SystemTime> {
        self.signed_at.as_deref().map(instant)
    }

    /// A verifier of `sender` with this vector's settings.
    #[must_use]
    pub fn verifier(&self, sender: &Sender) -> Verifier {
        let tolerance = match &*self.tolerance {
            "strict" => Tolerance::Strict,
            "retry-safe" => Tolerance::RetrySafe,
            other => panic!("{}: {other} is no tolerance", self.name),
        };
        let mut builder = Verifier::builder(sender.clone()).tolerance(tolerance);
        if let Some(offset) = self.offset() {
            builder = builder.utc_offset(offset);
        }
        if let Some(url) = &self.public_url {
            builder = builder.public_url(url);
        }
        let read = |text: &String| {
            Secret::decode(text, sender.scheme.secret).unwrap_or_else(|error| panic!("{}: {error}", self.name))
        };
        let builder = self.secrets.iter().map(read).fold(builder, VerifierBuilder::secret);
        builder.build().unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn offset(&self) -> Option<UtcOffset> {
        self.utc_offset.as_deref().map(|text| text.parse().expect("a UTC offset"))
    }
}

/// How a sender puts its signature on the wire, written down a second time from what its vendor documents, so
/// that no expected value is taken from the code under test.
#[derive(Debug, Clone, Copy)]
pub struct Wire {
    /// The sender's name.
    pub sender: &'static str,
    /// The signature header.
    pub signature: &'static str,
    /// What stands before the hex digits.
    pub prefix: &'static str,
    /// The timestamp header and what stands between it and the body under the MAC.
    pub timestamp: Option<(&'static str, &'static str)>,
    /// The member of the body that holds the signed time.
    pub time_member: Option<&'static str>,
    /// The unsigned event header.
    pub event: Option<&'static str>,
    /// The unsigned id header.
    pub id: Option<&'static str>,
}

/// Every sender's wire form.
pub const WIRES: [Wire; 6] = [
    Wire {
        sender: "agency-os-ai",
        signature: "x-aosai-signature",
        prefix: "sha256=",
        timestamp: Some(("x-aosai-timestamp", "")),
        time_member: None,
        event: Some("x-aosai-event"),
        id: Some("x-aosai-webhook-id"),
    },
    Wire {
        sender: "agency-os-ai-plugin",
        signature: "x-aosai-signature",
        prefix: "sha256=",
        timestamp: None,
        time_member: Some("timestamp"),
        event: Some("x-aosai-event"),
        id: Some("x-aosai-webhook-id"),
    },
    Wire {
        sender: "agiled",
        signature: "x-agiled-webhook-signature",
        prefix: "",
        timestamp: Some(("x-agiled-webhook-timestamp", ".")),
        time_member: None,
        event: Some("x-agiled-webhook-event"),
        id: Some("x-agiled-webhook-id"),
    },
    Wire {
        sender: "handl",
        signature: "x-handl-signature",
        prefix: "",
        timestamp: None,
        time_member: Some("created_at"),
        event: None,
        id: None,
    },
    Wire {
        sender: "angage",
        signature: "x-angage-signature",
        prefix: "sha256=",
        timestamp: None,
        time_member: Some("timestamp"),
        event: None,
        id: None,
    },
    Wire {
        sender: "angage-marketplace",
        signature: "x-webhook-signature",
        prefix: "sha256=",
        timestamp: None,
        time_member: Some("timestamp"),
        event: None,
        id: None,
    },
];

/// A valid request of one sender, to be varied: the first vector of its file.
#[derive(Debug, Clone)]
pub struct Example {
    /// How the sender signs.
    pub wire: Wire,
    /// The sender under test.
    pub sender: Sender,
    /// The secret.
    pub secret: String,
    /// The text of the timestamp header; empty where there is none.
    pub stamp: String,
    /// The body.
    pub body: Bytes,
    /// The event's id, where the sender signs one.
    pub event_id: Option<String>,
    /// The event's type.
    pub event_type: String,
    /// The receiver's clock, at which the request is fresh.
    pub now: SystemTime,
    offset: Option<UtcOffset>,
}

impl Example {
    /// One for each sender of the crate whose signature is checked here.
    #[must_use]
    pub fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<Example>> =
            LazyLock::new(|| signing().map(|sender| Example::of(&sender.name)).collect());
        &ALL
    }

    /// The one of `sender`.
    ///
    /// # Panics
    /// There is no such sender, or its first vector is not a valid one.
    #[must_use]
    pub fn of(sender: &str) -> Self {
        let wire = WIRES.into_iter().find(|wire| wire.sender == sender);
        let wire = wire.unwrap_or_else(|| panic!("{sender} has no entry in WIRES"));
        let vector = Vector::load(sender).into_iter().next().expect("a vector");
        assert!(vector.is_valid(), "{sender}: {}", vector.name);
        let stamp = wire.timestamp.map_or_else(String::new, |(header, _)| {
            vector.headers()[header].to_str().expect("a timestamp in ASCII").to_owned()
        });
        Self {
            wire,
            sender: senders::by_name(sender).expect("a sender").clone(),
            secret: vector.secrets[0].clone(),
            stamp,
            body: vector.body(),
            event_id: vector.event_id.clone(),
            event_type: vector.event_type.clone().expect("an event type"),
            now: vector.at(),
            offset: vector.offset(),
        }
    }

    /// A verifier of this sender without secrets yet.
    pub fn builder(&self) -> VerifierBuilder {
        let builder = Verifier::builder(self.sender.clone());
        match self.offset {
            Some(offset) => builder.utc_offset(offset),
            None => builder,
        }
    }

    /// A strict verifier with the example's secret.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.builder().secret(secret(&self.secret)).build().expect("a verifier")
    }

    /// The headers of the example.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        self.signed(&self.secret, &self.stamp, &self.body)
    }

    /// The headers with which the sender would send `body` under `secret`.
    #[must_use]
    pub fn signed(&self, secret: impl AsRef<[u8]>, stamp: impl AsRef<[u8]>, body: &[u8]) -> HeaderMap {
        let stamp = stamp.as_ref();
        let text = format!("{}{}", self.wire.prefix, hex(&self.tag(secret, stamp, body)));
        let mut headers = HeaderMap::new();
        headers.insert(self.wire.signature, text.parse().expect("a header value"));
        if let Some((header, _)) = self.wire.timestamp {
            headers.insert(header, HeaderValue::from_bytes(stamp).expect("a header value"));
        }
        headers
    }

    /// The tag alone.
    #[must_use]
    pub fn tag(&self, secret: impl AsRef<[u8]>, stamp: impl AsRef<[u8]>, body: &[u8]) -> [u8; 32] {
        let message = match self.wire.timestamp {
            Some((_, separator)) => [stamp.as_ref(), separator.as_bytes(), body].concat(),
            None => body.to_vec(),
        };
        hmac_sha256::HMAC::mac(message, secret)
    }

    /// The example's body with another value of a top-level member, as raw JSON text.
    ///
    /// # Panics
    /// The body has no such member.
    #[must_use]
    pub fn with_member(&self, name: &str, raw: impl AsRef<[u8]>) -> Bytes {
        let pattern = format!("\"{name}\":");
        let place = self.body.windows(pattern.len()).position(|window| window == pattern.as_bytes());
        let start = place.unwrap_or_else(|| panic!("{}: no {name}", self.wire.sender)) + pattern.len();
        // In the examples `data` comes last, and no value before it holds a comma.
        let comma = self.body[start..].iter().position(|byte| *byte == b',').filter(|_| name != "data");
        let end = comma.map_or(self.body.len() - 1, |length| start + length);
        [&self.body[..start], raw.as_ref(), &self.body[end..]].concat().into()
    }
}

/// The senders of the crate whose signature is checked here.
pub fn signing() -> impl Iterator<Item = &'static Sender> {
    senders::ALL.iter().filter(|sender| sender.scheme.hmac().is_some())
}

/// A literal secret.
///
/// # Panics
/// It is blank, or names a secret instead of being one.
#[must_use]
pub fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The instant of an RFC 3339 time in UTC, read without the code under test.
///
/// # Panics
/// It is not one.
#[must_use]
pub fn instant(text: &str) -> SystemTime {
    humantime::parse_rfc3339(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn decode(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).expect("base64")
}

/// What must not compile, each beside the nearest thing that does. They are named by the number of their threat.
#[cfg(doctest)]
mod typestate {
    /// ```
    /// fn body(verdict: Result<counterfoil::Delivery, counterfoil::Rejection>) -> Option<bytes::Bytes> {
    ///     Some(verdict.ok()?.body().clone())
    /// }
    /// ```
    fn t3_a_body_comes_out_of_a_verdict_that_was_looked_at() {}

    /// ```compile_fail,E0599
    /// fn body(verdict: Result<counterfoil::Delivery, counterfoil::Rejection>) -> Option<bytes::Bytes> {
    ///     Some(verdict.body().clone())
    /// }
    /// ```
    fn t3_no_body_comes_out_of_a_verdict_that_nobody_looked_at() {}

    /// ```compile_fail,E0599
    /// fn body(presented: counterfoil::verifier::Presented) -> Option<bytes::Bytes> {
    ///     Some(presented.body().clone())
    /// }
    /// ```
    fn t3_no_body_comes_out_of_a_delivery_that_is_being_hashed() {}

    /// ```compile_fail,E0624
    /// fn body(stale: counterfoil::verifier::Stale) -> Option<bytes::Bytes> {
    ///     Some(stale.delivery().body().clone())
    /// }
    /// ```
    fn t3_no_body_comes_out_of_a_delivery_that_is_too_old() {}

    /// ```
    /// use counterfoil::receiver::{Handled, Received, Runtime};
    ///
    /// async fn handle(receiver: counterfoil::Receiver, runtime: impl Runtime, input: Received) {
    ///     let response = async { Handled { status: http::StatusCode::OK, reject: None, response: () } };
    ///     receiver.process(runtime, input, |_, _| response).await;
    /// }
    /// ```
    fn t7_a_handler_runs_on_what_a_receiver_has_received() {}

    /// ```compile_fail,E0308
    /// use counterfoil::receiver::{Handled, Received, Runtime};
    ///
    /// async fn handle(receiver: counterfoil::Receiver, runtime: impl Runtime, input: bytes::Bytes) {
    ///     let response = async { Handled { status: http::StatusCode::OK, reject: None, response: () } };
    ///     receiver.process(runtime, input, |_, _| response).await;
    /// }
    /// ```
    fn t7_no_handler_runs_on_a_body() {}

    /// ```compile_fail,E0599
    /// async fn commit(store: counterfoil_sqlx::PostgresStore, fence: counterfoil::idempotency::Fence) {
    ///     let transaction = store.begin(fence).await.unwrap();
    ///     let _: sqlx::Transaction<'_, sqlx::Postgres> = transaction.into_inner();
    /// }
    /// ```
    fn effects_are_committed_by_completing_their_event_alone() {}
}

/// The code in these pages compiles as it stands there.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    mod readme {}

    #[doc = include_str!("../docs/applied-once.md")]
    mod applied_once {}

    #[doc = include_str!("../docs/tenants.md")]
    mod tenants {}

    #[doc = include_str!("../docs/senders/agencyhandy.md")]
    mod agencyhandy {}

    #[doc = include_str!("../docs/senders/angage.md")]
    mod angage {}

    #[doc = include_str!("../docs/senders/catalogue.md")]
    mod catalogue {}

    #[doc = include_str!("../docs/stores.md")]
    mod stores {}
}
