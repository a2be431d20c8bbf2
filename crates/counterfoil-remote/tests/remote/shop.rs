//! A receiver of AgencyHandy's deliveries, and deliveries as the stand-in signs them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use agencyhandy_endpoint::{Endpoint, sign};
use counterfoil::idempotency::{BoxFuture, MemoryStore};
use counterfoil::receiver::{Answer, Handled, Head, Processed, Runtime};
use counterfoil::remote::{Question, RemoteCheck};
use counterfoil::verifier::Verified;
use counterfoil::{Clock as _, Receiver, Secret, SystemClock, Verifier, senders};
use counterfoil_remote::{Client, ClientBuilder};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};

pub(crate) const WEBHOOK: &str = "64f0c0ffee64f0c0ffee64f0";
pub(crate) const SECRET: &str = "agencyhandy-secret-0123456789";
pub(crate) const OTHER_SECRET: &str = "agencyhandy-secret-9876543210";
pub(crate) const BODY: &str = r#"{"event":"ORDER.UPDATED","payload":{"_id":"64f0aa","total":1500.0,"note":"Zürich"}}"#;

/// The stand-in, with the account of these tests.
pub(crate) async fn endpoint() -> Endpoint {
    Endpoint::start(WEBHOOK, SECRET).await.unwrap()
}

/// A client that asks the stand-in.
pub(crate) fn builder(endpoint: &Endpoint) -> ClientBuilder {
    Client::builder().insecure_base_url(endpoint.url())
}

pub(crate) fn many(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What the sender sends.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) signature: String,
    pub(crate) body: String,
}

impl Sent {
    /// A genuine delivery.
    pub(crate) fn new(body: impl Into<String>) -> Self {
        let body = body.into();
        Self { signature: sign(SECRET, body.as_bytes()).unwrap(), body }
    }

    /// The `number`th genuine delivery.
    pub(crate) fn number(number: usize) -> Self {
        Self::new(format!(r#"{{"event":"ORDER.UPDATED","payload":{{"number":{number}}}}}"#))
    }

    pub(crate) fn headers(&self) -> HeaderMap {
        HeaderMap::from_iter([("x-ah-sig".parse().unwrap(), HeaderValue::from_str(&self.signature).unwrap())])
    }

    /// As the verifier leaves it: its sender is to be asked.
    pub(crate) fn check(&self, secrets: &[&str]) -> RemoteCheck {
        let mut verifier = Verifier::builder(senders::AGENCYHANDY).webhook_id(WEBHOOK);
        for secret in secrets {
            verifier = verifier.secret(Secret::new(*secret).unwrap());
        }
        let (headers, now) = (self.headers(), SystemClock.now());
        let mut presented = verifier.build().unwrap().present(&headers, now).unwrap();
        presented.push(self.body.clone().into());
        match presented.finish(&headers, now).unwrap() {
            Verified::Ask(check) => *check,
            other => panic!("AgencyHandy is asked: {other:?}"),
        }
    }

    pub(crate) fn question(&self) -> Question {
        self.check(&[SECRET]).question().clone()
    }
}

/// A receiver, and how often its handler ran.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    receiver: Receiver,
    handled: Arc<AtomicUsize>,
}

/// What the sender is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) duplicate: bool,
    pub(crate) retry_after: bool,
}

impl Shop {
    pub(crate) fn new(client: Client) -> Self {
        Self::with_secrets(client, &[SECRET])
    }

    pub(crate) fn with_secrets(client: Client, secrets: &[&str]) -> Self {
        let mut builder = Receiver::builder(senders::AGENCYHANDY).webhook_id(WEBHOOK);
        for secret in secrets {
            builder = builder.secret(Secret::new(*secret).unwrap());
        }
        let builder = builder.remote(client).store(MemoryStore::new(many(1000)));
        Self { receiver: builder.build().unwrap(), handled: Arc::default() }
    }

    pub(crate) fn handled(&self) -> usize {
        self.handled.load(Ordering::SeqCst)
    }

    /// Receives a delivery as an adapter does.
    pub(crate) async fn receive(&self, sent: &Sent) -> Answered {
        let headers = sent.headers();
        let uri = "/webhooks/agencyhandy".parse().unwrap();
        let head = Head::new(&Method::POST, &uri, &headers);
        let read = async {
            let mut intake = self.receiver.head(&Tokio, &head).await?;
            intake.push(sent.body.clone().into())?;
            intake.finish(&headers)
        };
        let received = match read.await {
            Ok(received) => received,
            Err(answer) => return answered(answer),
        };
        let handled = self.handled.clone();
        let process = self.receiver.clone().process(Tokio, received, |_, _| async move {
            handled.fetch_add(1, Ordering::SeqCst);
            Handled { status: StatusCode::OK, reject: None, response: () }
        });
        match process.await {
            Processed::Passed(()) => {
                Answered { status: 200, code: String::new(), duplicate: false, retry_after: false }
            }
            Processed::Answered(answer) => answered(answer),
        }
    }
}

fn answered(answer: Answer) -> Answered {
    let code = answer.code().map_or("", |code| code.code()).to_owned();
    let response = answer.into_response();
    Answered {
        status: response.status().as_u16(),
        code,
        duplicate: response.headers().get("x-webhook-duplicate").is_some_and(|value| value == "1"),
        retry_after: response.headers().contains_key("retry-after"),
    }
}

impl Answered {
    pub(crate) fn is_handled(&self) -> bool {
        self.status == 200 && !self.duplicate
    }

    pub(crate) fn is_unverified(&self) -> bool {
        self.status == 503 && self.code == "could_not_verify" && self.retry_after
    }

    pub(crate) fn is_mismatch(&self) -> bool {
        self.status == 401 && self.code == "signature_mismatch"
    }
}

#[derive(Debug, Clone)]
struct Tokio;

impl Runtime for Tokio {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}
