//! One table of requests and answers. Every adapter runs it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use counterfoil::{Clock, Receiver, Secret, Signer, SystemClock, senders};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;

use crate::handler::{Act, Handler, Sending, body, code, memory, receiver, service, signed};

/// What a step sends, made from the case's event.
enum Sent {
    /// The event as its sender signs it.
    Event,
    /// The same id with other data.
    OtherBody,
    /// The event under another method.
    Method(Method),
    /// The event with a header added.
    Header(&'static str, &'static str),
    /// The event without its signature.
    Unsigned,
    /// The event with this signature.
    Signature(&'static str),
    /// The event with two signatures, both right.
    SignedTwice,
    /// The event with one byte changed.
    Tampered,
    /// The event signed under another secret.
    OtherSecret,
    /// These bytes, rightly signed.
    Signed(Vec<u8>),
    /// An event of the given age, rightly signed.
    Aged(Duration),
}

struct Step {
    sent: Sent,
    status: u16,
    code: Option<&'static str>,
    duplicate: Option<&'static str>,
    /// How often the handler has run by then.
    runs: usize,
}

struct Case {
    name: &'static str,
    acts: Vec<Act>,
    steps: Vec<Step>,
}

const LIMIT: usize = 4096;
const DAY: Duration = Duration::from_secs(86_400);

fn handled(sent: Sent, status: u16, runs: usize) -> Step {
    Step { sent, status, code: None, duplicate: None, runs }
}

fn duplicate(sent: Sent, kind: &'static str, runs: usize) -> Step {
    Step { sent, status: 200, code: None, duplicate: Some(kind), runs }
}

fn refused(sent: Sent, status: u16, code: &'static str, runs: usize) -> Step {
    Step { sent, status, code: Some(code), duplicate: None, runs }
}

fn cases() -> Vec<Case> {
    let case = |name, acts: &[Act], steps| Case { name, acts: acts.to_vec(), steps };
    let with_limit = |length: usize| {
        let event = body("limit");
        Sent::Signed([&event[..], &vec![b' '; length - event.len()]].concat())
    };
    vec![
        case(
            "a first delivery is handled, its copy is a duplicate",
            &[],
            vec![handled(Sent::Event, 200, 1), duplicate(Sent::Event, "1", 1), duplicate(Sent::Event, "1", 1)],
        ),
        case(
            "any 2xx completes",
            &[Act::Answer(202)],
            vec![handled(Sent::Event, 202, 1), duplicate(Sent::Event, "1", 1)],
        ),
        case(
            "the same id with another body is reported",
            &[],
            vec![handled(Sent::Event, 200, 1), duplicate(Sent::OtherBody, "conflict", 1)],
        ),
        case(
            "t39: what fails is handled by the next retry",
            &[Act::Answer(500), Act::Answer(404), Act::Answer(503)],
            vec![
                handled(Sent::Event, 500, 1),
                handled(Sent::Event, 404, 2),
                handled(Sent::Event, 503, 3),
                handled(Sent::Event, 200, 4),
                duplicate(Sent::Event, "1", 4),
            ],
        ),
        case(
            "a redirection is a failure",
            &[Act::Answer(302)],
            vec![refused(Sent::Event, 500, "handler_failed", 1), handled(Sent::Event, 200, 2)],
        ),
        case(
            "t42: a panic is a failure",
            &[Act::Panic],
            vec![refused(Sent::Event, 500, "handler_failed", 1), handled(Sent::Event, 200, 2)],
        ),
        case(
            "a rejected event is dead",
            &[Act::Reject("no such customer")],
            vec![
                refused(Sent::Event, 500, "handler_failed", 1),
                refused(Sent::Event, 500, "handler_failed", 1),
                refused(Sent::OtherBody, 500, "handler_failed", 1),
            ],
        ),
        case(
            "only POST",
            &[],
            vec![
                refused(Sent::Method(Method::GET), 405, "method_not_allowed", 0),
                refused(Sent::Method(Method::PUT), 405, "method_not_allowed", 0),
                handled(Sent::Event, 200, 1),
            ],
        ),
        case(
            "t46: nothing is decompressed",
            &[],
            vec![
                refused(Sent::Header("content-encoding", "gzip"), 415, "content_encoding", 0),
                handled(Sent::Header("content-encoding", "identity"), 200, 1),
            ],
        ),
        case(
            "signatures",
            &[],
            vec![
                refused(Sent::Unsigned, 401, "signature_missing", 0),
                refused(Sent::Signature("00"), 401, "signature_malformed", 0),
                refused(Sent::SignedTwice, 401, "signature_repeated", 0),
                refused(Sent::Tampered, 401, "signature_mismatch", 0),
                refused(Sent::OtherSecret, 401, "signature_mismatch", 0),
                handled(Sent::Event, 200, 1),
            ],
        ),
        case(
            "t49: a completed event with a wrong signature is no duplicate",
            &[],
            vec![
                handled(Sent::Event, 200, 1),
                refused(Sent::OtherSecret, 401, "signature_mismatch", 1),
                refused(Sent::Unsigned, 401, "signature_missing", 1),
            ],
        ),
        case(
            "t47: one byte over the limit",
            &[],
            vec![refused(with_limit(LIMIT + 1), 413, "body_too_large", 0), handled(with_limit(LIMIT), 200, 1)],
        ),
        case(
            "events that are none",
            &[],
            vec![
                refused(Sent::Signed(b"".to_vec()), 400, "body_not_an_object", 0),
                refused(Sent::Signed(b"[]".to_vec()), 400, "body_not_an_object", 0),
                refused(Sent::Signed(b"{}{}".to_vec()), 400, "body_not_an_object", 0),
                refused(Sent::Signed(b"id=evt_1&type=order.created".to_vec()), 400, "body_not_an_object", 0),
                refused(Sent::Signed(b"\xff\xfe{}".to_vec()), 400, "body_not_an_object", 0),
                refused(Sent::Signed(b"{}".to_vec()), 400, "event_id_invalid", 0),
                refused(Sent::Signed(br#"{"id":"evt_1"}"#.to_vec()), 401, "timestamp_missing", 0),
                refused(Sent::Signed(br#"{"id":"evt_1","created_at":1}"#.to_vec()), 401, "timestamp_malformed", 0),
            ],
        ),
        case(
            "t50: a late retry is handled, one beyond the window is refused",
            &[],
            vec![
                refused(Sent::Aged(2 * DAY), 401, "timestamp_stale", 0),
                handled(Sent::Aged(DAY), 200, 1),
                duplicate(Sent::Aged(DAY), "1", 1),
                // Completed by now, with another time in its body: saying so loses nothing, and stops the sender.
                duplicate(Sent::Aged(2 * DAY), "conflict", 1),
            ],
        ),
    ]
}

impl Sent {
    fn request(&self, event: &Bytes, now: SystemTime) -> Request<Full<Bytes>> {
        let tampered = || [&event[..event.len() - 1], b" }"].concat();
        let (body, headers): (Bytes, HeaderMap) = match self {
            Self::Event | Self::Method(_) | Self::Header(..) => (event.clone(), signed(event)),
            Self::OtherBody => {
                let other = [&event[..event.len() - 1], br#","note":1}"#].concat();
                (other.clone().into(), signed(&other))
            }
            Self::Unsigned => (event.clone(), HeaderMap::new()),
            Self::Signature(text) => {
                (event.clone(), [("x-handl-signature".parse().unwrap(), text.parse().unwrap())].into_iter().collect())
            }
            Self::SignedTwice => {
                let mut headers = signed(event);
                headers.append("x-handl-signature", headers["x-handl-signature"].clone());
                (event.clone(), headers)
            }
            Self::Tampered => (tampered().into(), signed(event)),
            Self::OtherSecret => {
                let signer =
                    Signer::new(&senders::HANDL, &Secret::new("another secret, as long as it is").unwrap()).unwrap();
                (event.clone(), signer.sign(event, SystemClock.now()).unwrap())
            }
            Self::Signed(bytes) => (bytes.clone().into(), signed(bytes)),
            Self::Aged(age) => {
                let event = aged(now - *age);
                (event.clone(), signed(&event))
            }
        };
        let mut request = Request::post("/webhooks/handl").body(Full::from(body)).unwrap();
        *request.headers_mut() = headers;
        match self {
            Self::Method(method) => *request.method_mut() = method.clone(),
            Self::Header(name, value) => {
                request.headers_mut().insert(*name, value.parse().unwrap());
            }
            _ => {}
        }
        request
    }
}

fn aged(at: SystemTime) -> Bytes {
    let at = counterfoil::time::format_rfc3339(at).unwrap();
    format!(r#"{{"id":"aged","type":"order.created","created_at":"{at}","data":{{}}}}"#).into()
}

/// Runs every case through `adapter`, which puts a receiver and a handler behind a way to send.
pub(crate) async fn run<A, S>(adapter: A)
where
    A: AsyncFn(Receiver, Handler) -> S,
    S: Fn(Request<Full<Bytes>>) -> Sending,
{
    for case in cases() {
        let handler = Handler::new(case.acts.clone());
        let receiver = receiver(memory()).body_limit(LIMIT).build().unwrap();
        let send = adapter(receiver, handler.clone()).await;
        let (event, now) = (body("evt_1"), SystemClock.now());
        for (number, step) in case.steps.iter().enumerate() {
            let response: Response<Bytes> = send(step.sent.request(&event, now)).await;
            let at = format!("{}, step {number}", case.name);
            assert_eq!(response.status(), step.status, "{at}: {:?}", response.body());
            assert_eq!(code(&response).as_deref(), step.code, "{at}");
            let duplicate = response.headers().get("x-webhook-duplicate").map(|value| value.to_str().unwrap());
            assert_eq!(duplicate, step.duplicate, "{at}");
            assert_eq!(
                response.headers().contains_key("retry-after"),
                step.status == 503 && step.code.is_some(),
                "{at}"
            );
            if step.duplicate.is_some() {
                assert!(response.body().is_empty(), "{at}: a duplicate's answer is empty");
            }
            assert_eq!(handler.runs(), step.runs, "{at}");
        }
    }
}

#[tokio::test]
async fn plain_tower() {
    run(async |receiver, handler: Handler| {
        let service = service(receiver, &handler);
        move |request| -> Sending {
            let service = service.clone();
            Box::pin(async move { crate::handler::send(&service, request).await })
        }
    })
    .await;
}
