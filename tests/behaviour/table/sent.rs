//! Requests as values, each made from another.

use bytes::Bytes;
use counterfoil::scheme::Sender;
use counterfoil::{Clock, Secret, Signer, SystemClock};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;

/// What a step sends.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Sent {
    /// A POST of `body` that nothing proves, to `/webhooks/{target}`.
    pub(super) fn new(target: &str, body: impl Into<Bytes>) -> Self {
        Self { method: Method::POST, target: target.to_owned(), headers: HeaderMap::new(), body: body.into() }
    }

    /// The same, proven as `sender` would, under `secret`.
    pub(super) fn signed(self, sender: &Sender, secret: &str) -> Self {
        let signer = Signer::new(sender, &Secret::new(secret).unwrap()).unwrap();
        Self { headers: signer.sign(&self.body, SystemClock.now()).unwrap(), ..self }
    }

    pub(super) fn method(&self, method: Method) -> Self {
        Self { method, ..self.clone() }
    }

    pub(super) fn target(&self, target: &str) -> Self {
        Self { target: target.to_owned(), ..self.clone() }
    }

    pub(super) fn body(&self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self.clone() }
    }

    /// With this header in the place of others of its name.
    pub(super) fn header(&self, name: &'static str, value: &str) -> Self {
        let mut sent = self.clone();
        sent.headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        sent
    }

    /// With the header of that name twice.
    pub(super) fn twice(&self, name: &'static str) -> Self {
        let mut sent = self.clone();
        sent.headers.append(name, self.headers[name].clone());
        sent
    }

    pub(super) fn without(&self, name: &'static str) -> Self {
        let mut sent = self.clone();
        sent.headers.remove(HeaderName::from_static(name)).unwrap();
        sent
    }

    /// The body without its last brace.
    pub(super) fn open_body(&self) -> &[u8] {
        self.body.strip_suffix(b"}").unwrap()
    }

    pub(super) fn request(&self) -> Request<Full<Bytes>> {
        let request = Request::builder().method(self.method.clone()).uri(format!("/webhooks/{}", self.target));
        let mut request = request.body(Full::new(self.body.clone())).unwrap();
        *request.headers_mut() = self.headers.clone();
        request
    }
}
