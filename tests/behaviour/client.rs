//! One client for all servers, which speaks the version of HTTP that it is told to.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::Body;
use reqwest::redirect::Policy;

/// Both versions that the stacks speak.
pub(crate) const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

/// A client of one server, over one connection where the server lets it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    version: Version,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, version: Version) -> Self {
        // No request of a test takes that long, so that whoever waits for ever says so.
        let builder = reqwest::Client::builder().no_proxy().redirect(Policy::none()).timeout(Duration::from_secs(20));
        let builder = match version {
            Version::HTTP_2 => builder.http2_prior_knowledge(),
            _ => builder.http1_only(),
        };
        Self { http: builder.build().unwrap(), address, version }
    }

    /// Sends a request to the server. Its URI is a path.
    pub(crate) async fn send<B>(&self, request: Request<B>) -> Response<Bytes>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Sync + 'static,
    {
        let (parts, body) = request.into_parts();
        let request = self.http.request(parts.method, format!("http://{}{}", self.address, parts.uri));
        let sent = request.headers(parts.headers).body(reqwest::Body::wrap(body)).send().await.unwrap();
        assert_eq!(sent.version(), self.version);
        let (parts, body) = Response::<reqwest::Body>::from(sent).into_parts();
        let body = http_body_util::BodyExt::collect(body).await.unwrap();
        Response::from_parts(parts, body.to_bytes())
    }
}
