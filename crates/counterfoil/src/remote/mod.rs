//! Deliveries that only their sender can prove: a question for its endpoint, and what the answer means.
//!
//! There is no I/O here. A [`RemoteCheck`] yields a [`Question`]; whoever carries it to the sender's endpoint hands the
//! answer back as a [`Verdict`], which only that question can make; and the check is consumed by it, giving a
//! [`Delivery`](crate::Delivery) or a [`Rejection`](crate::Rejection). A receiver does all that by itself once it
//! [has](crate::receiver::ReceiverBuilder::remote) a [`RemoteVerifier`], such as `counterfoil_remote::Client`.
//!
//! ```
//! use counterfoil::remote::Concluded;
//! use counterfoil::verifier::Verified;
//! use counterfoil::{senders, Clock, Secret, SystemClock, Verifier};
//! use http::{HeaderMap, HeaderValue, StatusCode};
//!
//! let now = SystemClock.now();
//! let verifier = Verifier::builder(senders::AGENCYHANDY)
//!     .secret(Secret::new("agencyhandy_secret_example")?)
//!     .webhook_id("64f0c0ffee64f0c0ffee64f0")
//!     .build()?;
//! let mut headers = HeaderMap::new();
//! headers.insert("x-ah-sig", HeaderValue::from_static("9f86d0"));
//! let mut presented = verifier.present(&headers, now)?;
//! presented.push(r#"{"event":"ORDER.UPDATED","payload":{"total":1.0}}"#.into());
//!
//! let Verified::Ask(check) = presented.finish(&headers, now)? else { return Err("not asked".into()) };
//! let question = check.question();
//! // POST question.body() to question.url(); then:
//! let verdict = question.judge(StatusCode::OK, br#"{"verification_status":"SUCCESS"}"#);
//! assert!(matches!(check.conclude(&verdict, now), Concluded::Proven(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod canonical;
mod check;
mod question;

use std::fmt;

pub use check::{Concluded, RemoteCheck};
pub use question::{Question, Verdict};

pub(crate) use canonical::canonical;

use crate::idempotency::BoxFuture;

/// Carries questions to senders' endpoints.
///
/// # Security
/// A question holds the secret. It goes to the question's own URL and nowhere else: no redirect is followed.
pub trait RemoteVerifier: fmt::Debug + Send + Sync + 'static {
    /// Asks. Whatever goes wrong is an [undecided](Question::undecided) verdict, and so is no answer in time. A receiver
    /// waits for 30 s at most; senders have given up long before.
    fn ask<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Verdict>;
}
