//! A handler that does what a test tells it, and the receivers and requests around it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Debug;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use counterfoil::idempotency::{MemoryStore, Store};
use counterfoil::receiver::{Answer, Reject};
use counterfoil::{Clock, Receiver, Secret, Signer, SystemClock, senders};
use counterfoil_tower::WebhookLayer;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use serde::Serialize;
use tokio::sync::watch;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

pub(crate) const SECRET: &str = "whsec_of_the_behaviour_table";

/// The body of each of the handler's answers.
pub(crate) const HANDLED: &str = "handler";

/// What one run of the handler does.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    Answer(u16),
    Panic,
    Reject(&'static str),
    /// Waits, then answers 200.
    Sleep(Duration),
    /// Waits until the test lets it go on, then answers 200.
    Hold,
    /// Keeps its task busy without ever letting the runtime do anything else in it, then answers 200.
    Spin(Duration),
    /// Waits for ever, and panics when it is dropped.
    PanicWhenDropped,
}

struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("the handler was told to panic when dropped");
    }
}

/// Runs its acts one after the other, then answers 200 for ever.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handler {
    script: Arc<Mutex<Script>>,
    released: Arc<watch::Sender<bool>>,
}

#[derive(Debug, Default)]
struct Script {
    acts: VecDeque<Act>,
    bodies: Vec<Bytes>,
    finished: usize,
}

impl Handler {
    pub(crate) fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        let script = Script { acts: acts.into_iter().collect(), ..Script::default() };
        Self { script: Arc::new(Mutex::new(script)), ..Self::default() }
    }

    /// How often it began.
    pub(crate) fn runs(&self) -> usize {
        self.script.lock().unwrap().bodies.len()
    }

    /// How often it came to its end.
    pub(crate) fn finished(&self) -> usize {
        self.script.lock().unwrap().finished
    }

    /// The bodies it saw.
    pub(crate) fn bodies(&self) -> Vec<Bytes> {
        self.script.lock().unwrap().bodies.clone()
    }

    /// Lets every run go on that holds, or will.
    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }

    /// Runs the next act on `body`, and says what the framework is to answer.
    pub(crate) async fn perform(&self, body: Bytes) -> (StatusCode, Option<Reject>) {
        let act = {
            let mut script = self.script.lock().unwrap();
            script.bodies.push(body);
            script.acts.pop_front().unwrap_or(Act::Answer(200))
        };
        let mut answer = (StatusCode::OK, None);
        match act {
            Act::Answer(status) => answer.0 = StatusCode::from_u16(status).unwrap(),
            Act::Panic => panic!("the handler was told to panic"),
            Act::Reject(reason) => answer.1 = Some(Reject::new(reason)),
            Act::Sleep(pause) => tokio::time::sleep(pause).await,
            Act::Hold => drop(self.released.subscribe().wait_for(|released| *released).await),
            Act::Spin(time) => {
                let over_at = std::time::Instant::now() + time;
                while std::time::Instant::now() < over_at {
                    tokio::task::consume_budget().await;
                }
            }
            Act::PanicWhenDropped => {
                let _bomb = PanicOnDrop;
                std::future::pending::<()>().await;
            }
        }
        self.script.lock().unwrap().finished += 1;
        answer
    }

    /// The same as a service over `http`.
    pub(crate) async fn run<B: Body<Data = Bytes>>(self, request: Request<B>) -> Response<Full<Bytes>> {
        let Ok(collected) = request.into_body().collect().await else { panic!("a verified body can be read") };
        let (status, reject) = self.perform(collected.to_bytes()).await;
        let mut response = Response::new(Full::from(HANDLED));
        *response.status_mut() = status;
        if let Some(reject) = reject {
            response.extensions_mut().insert(reject);
        }
        response
    }
}

pub(crate) type Service = BoxCloneSyncService<Request<Full<Bytes>>, Response<Bytes>, Infallible>;

/// A plain tower service behind the layer, its responses read whole.
pub(crate) fn service(receiver: Receiver, handler: &Handler) -> Service {
    whole(WebhookLayer::new(receiver).layer(inner(handler)))
}

/// The handler as the service that others are put around.
pub(crate) fn inner<B>(handler: &Handler) -> BoxCloneSyncService<Request<B>, Response<Full<Bytes>>, Infallible>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Data: Send,
    B::Error: Send,
{
    let handler = handler.clone();
    BoxCloneSyncService::new(service_fn(move |request| {
        let handler = handler.clone();
        async move { Ok(handler.run(request).await) }
    }))
}

/// Any service, its responses read whole.
pub(crate) fn whole<S, B>(service: S) -> Service
where
    S: tower::Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Debug> + Send,
{
    BoxCloneSyncService::new(service_fn(move |request: Request<Full<Bytes>>| {
        let service = service.clone();
        async move {
            let (parts, body) = service.oneshot(request).await?.into_parts();
            Ok(Response::from_parts(parts, body.collect().await.unwrap().to_bytes()))
        }
    }))
}

pub(crate) fn memory() -> MemoryStore {
    MemoryStore::new(NonZeroU32::new(100_000).unwrap())
}

pub(crate) fn receiver(store: impl Store) -> counterfoil::receiver::ReceiverBuilder {
    Receiver::builder(senders::HANDL).secret(Secret::new(SECRET).unwrap()).store(store)
}

/// An order event of HanDl's, now.
pub(crate) fn body(id: &str) -> Bytes {
    let now = counterfoil::time::format_rfc3339(SystemClock.now()).unwrap();
    format!(r#"{{"id":"{id}","type":"order.created","created_at":"{now}","data":{{"id":"ord_{id}","total":850000}}}}"#)
        .into()
}

pub(crate) fn signed(body: &[u8]) -> HeaderMap {
    Signer::new(&senders::HANDL, &Secret::new(SECRET).unwrap()).unwrap().sign(body, SystemClock.now()).unwrap()
}

pub(crate) fn request(body: Bytes) -> Request<Full<Bytes>> {
    let headers = signed(&body);
    let mut request = Request::post("/webhooks/handl").body(Full::from(body)).unwrap();
    *request.headers_mut() = headers;
    request
}

pub(crate) async fn send(service: &Service, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let Ok(response) = service.clone().oneshot(request).await;
    response
}

/// The code of a refusal, read from the wire.
pub(crate) fn code(response: &Response<Bytes>) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(response.body()).ok()?;
    Some(body.get("code")?.as_str()?.to_owned())
}

/// What an outer layer can learn about a refusal.
pub(crate) fn answer(response: &Response<Bytes>) -> Option<&Answer> {
    response.extensions().get()
}

/// Polls until `condition` holds, for a while.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the condition did not come true within 5 s");
}
