//! A stand-in of AgencyHandy's `verify-signature` endpoint, for tests and for work without an account.
//!
//! The vendor signs what it sends in a way that it does not publish: who receives it asks the vendor's endpoint. This one
//! answers as the vendor documents it:
//!
//! | `POST` [`PATH`] | status | body |
//! | --- | --- | --- |
//! | `webhookId` and `secret` are the account's, `signature` fits `payload` | 200 | `{"verification_status":"SUCCESS"}` |
//! | one of them does not | 403 | `{"type":"PermissionError","status":403,"verification_status":"FAILED"}` |
//! | not a JSON object with these strings and the object `payload`, or not sent as `application/json` | 400 | this crate's own, without `verification_status` |
//!
//! **The signatures are this stand-in's own, not the vendor's.** [`sign`] shares nothing with AgencyHandy's algorithm,
//! which is unknown. Nothing may be concluded from it: not what is signed, not with what, not how a real `x-ah-sig` looks.
//! The values begin with `stand-in-`, and the vendor accepts none of them.
//!
//! The vendor takes `payload` as an object, so it cannot depend on how the object is written. Nor does [`sign`]: it signs
//! what JavaScript's `JSON.parse` makes of the text.
//!
//! # Example
//! ```
//! use agencyhandy_endpoint::{Endpoint, Fault, PATH, sign};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let endpoint = Endpoint::start("wh_1", "a secret").await?;
//!
//! let body = r#"{"event":"ORDER.UPDATED","total":1.0}"#;
//! let signature = sign("a secret", body.as_bytes())?;
//! let question = format!(r#"{{"webhookId":"wh_1","signature":"{signature}","secret":"a secret","payload":{body}}}"#);
//!
//! let client = reqwest::Client::new();
//! let request = client.post(endpoint.url() + PATH).header("content-type", "application/json").body(question);
//! let again = request.try_clone().ok_or("a body in memory can be cloned")?;
//! assert_eq!(request.send().await?.text().await?, r#"{"verification_status":"SUCCESS"}"#);
//!
//! endpoint.set_fault(Fault::ServerError);
//! assert_eq!(again.send().await?.status(), 500);
//! assert_eq!(endpoint.calls(), 2);
//! # Ok(())
//! # }
//! ```

mod fault;
mod server;
mod signature;
mod state;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use state::State;

pub use fault::Fault;
pub use signature::sign;

/// Where the endpoint takes requests: the vendor's path.
pub const PATH: &str = "/api/v1/webhooks/verify-signature";

/// A running stand-in with one account. When it is dropped, it stops and its connections are closed.
pub struct Endpoint {
    address: SocketAddr,
    state: Arc<State>,
    server: AbortHandle,
}

impl Endpoint {
    /// Serves on a free port of 127.0.0.1, as a task of the tokio runtime that this is called on.
    ///
    /// # Errors
    /// There is no port to be had.
    pub async fn start(webhook_id: &str, secret: &str) -> io::Result<Self> {
        Self::bind(0, webhook_id, secret).await
    }

    /// As [`start`](Self::start), on a port of your choice; 0 takes a free one.
    ///
    /// # Errors
    /// The port cannot be had.
    pub async fn bind(port: u16, webhook_id: &str, secret: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(webhook_id, secret));
        let server = tokio::spawn(server::serve(listener, state.clone())).abort_handle();
        Ok(Self { address, state, server })
    }

    /// The base to which [`PATH`] is appended, such as `http://127.0.0.1:3001`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What to do wrong from the next request on.
    pub fn set_fault(&self, fault: Fault) {
        self.state.record().fault = fault;
    }

    /// How many requests to verify were received, whatever was answered.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.state.record().calls
    }

    /// How many requests came to where [`Fault::Redirect`] points.
    #[must_use]
    pub fn redirected(&self) -> usize {
        self.state.record().redirected
    }

    /// The body of the last request to verify, byte for byte; `None` if it was not UTF-8 or was not read.
    ///
    /// # Security
    /// It holds the secret.
    #[must_use]
    pub fn last_request(&self) -> Option<String> {
        self.state.record().last_request.clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("address", &self.address).finish_non_exhaustive()
    }
}
