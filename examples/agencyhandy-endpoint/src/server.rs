//! Connections, routes and answers.

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract;
use axum::http::header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, post};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::fault::endless;
use crate::state::State;
use crate::{Fault, PATH};

/// Where [`Fault::Redirect`] points.
const ELSEWHERE: &str = "/elsewhere";

/// The largest request that is read: bounds the memory, far beyond what a receiver lets in.
const LARGEST: usize = 16 * 1024 * 1024;

const SUCCESS: &str = r#"{"verification_status":"SUCCESS"}"#;
const FAILED: &str = r#"{"type":"PermissionError","status":403,"verification_status":"FAILED"}"#;

/// Serves until it is dropped, and its connections with it.
pub(crate) async fn serve(listener: TcpListener, state: Arc<State>) {
    let router = Router::new().route(PATH, post(verify)).route(ELSEWHERE, any(elsewhere)).with_state(state);
    let router = TowerToHyperService::new(router);
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Such as too many open files: an error that goes on at once would keep this loop busy.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let router = router.clone();
        let service = service_fn(move |request| {
            let answer = router.call(request);
            async move {
                let Ok(response) = answer.await;
                // hyper closes the connection of a service that fails.
                if response.extensions().get::<HangUp>().is_some() { Err(HangUp) } else { Ok(response) }
            }
        });
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// Marks a response that is not to be sent, and is the error in its stead.
#[derive(Debug, Clone, Copy)]
struct HangUp;

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is closed without an answer")
    }
}

impl std::error::Error for HangUp {}

async fn verify(extract::State(state): extract::State<Arc<State>>, headers: HeaderMap, body: Body) -> Response {
    let fault = {
        let mut record = state.record();
        record.calls += 1;
        record.fault
    };
    let request = if fault == Fault::Close { None } else { read(body).await };
    state.record().last_request.clone_from(&request);
    let right = || right_answer(&state, &headers, request.as_deref());
    match fault {
        Fault::None => right(),
        Fault::Slow(delay) => {
            sleep(delay).await;
            right()
        }
        Fault::ServerError => json(StatusCode::INTERNAL_SERVER_ERROR, r#"{"type":"InternalServerError","status":500}"#),
        Fault::TooManyRequests => {
            let response = json(StatusCode::TOO_MANY_REQUESTS, r#"{"type":"TooManyRequests","status":429}"#);
            ([(RETRY_AFTER, "30")], response).into_response()
        }
        Fault::BrokenJson => json(StatusCode::OK, SUCCESS.trim_end_matches('}')),
        Fault::Redirect => (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, ELSEWHERE)]).into_response(),
        Fault::Hang => pending().await,
        Fault::Close => axum::Extension(HangUp).into_response(),
        Fault::FailedWith200 => json(StatusCode::OK, FAILED),
        Fault::SuccessWith403 => json(StatusCode::FORBIDDEN, SUCCESS),
        Fault::OtherForbidden => json(StatusCode::FORBIDDEN, r#"{"type":"PermissionError","status":403}"#),
        Fault::Endless => ([JSON], endless()).into_response(),
    }
}

async fn elsewhere(extract::State(state): extract::State<Arc<State>>) -> Response {
    state.record().redirected += 1;
    json(StatusCode::OK, SUCCESS)
}

/// The body, if it can be read to its end and is text.
async fn read(body: Body) -> Option<String> {
    let bytes = to_bytes(body, LARGEST).await.ok()?;
    String::from_utf8(bytes.into()).ok()
}

fn right_answer(state: &State, headers: &HeaderMap, request: Option<&str>) -> Response {
    let json_type = headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    // What is wrong is not said in detail: the parser's words can hold the secret.
    match request.filter(|_| json_type).map(|request| state.verify(request)) {
        Some(Ok(true)) => json(StatusCode::OK, SUCCESS),
        Some(Ok(false)) => json(StatusCode::FORBIDDEN, FAILED),
        Some(Err(_)) | None => json(
            StatusCode::BAD_REQUEST,
            r#"{"type":"ValidationError","status":400,"message":"give application/json: an object with the strings webhookId, signature and secret, and the object payload"}"#,
        ),
    }
}

const JSON: (HeaderName, &str) = (CONTENT_TYPE, "application/json");

fn json(status: StatusCode, text: &'static str) -> Response {
    (status, [JSON], text).into_response()
}
