//! The account, and what happened so far.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Fault, sign};

pub(crate) struct State {
    webhook_id: String,
    secret: String,
    record: Mutex<Record>,
}

#[derive(Default)]
pub(crate) struct Record {
    pub(crate) fault: Fault,
    pub(crate) calls: usize,
    pub(crate) redirected: usize,
    pub(crate) last_request: Option<String>,
}

/// The body of a request to verify. Members that the vendor does not name are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    webhook_id: String,
    signature: String,
    secret: String,
    #[serde(borrow)]
    payload: &'a RawValue,
}

impl State {
    pub(crate) fn new(webhook_id: &str, secret: &str) -> Self {
        Self { webhook_id: webhook_id.to_owned(), secret: secret.to_owned(), record: Mutex::default() }
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        // Each change of a record is one assignment: a panic cannot leave it half written.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the signature fits.
    ///
    /// The comparisons are not in constant time: whoever can ask a stand-in can also start one.
    ///
    /// # Errors
    /// The request is not one that the vendor describes.
    pub(crate) fn verify(&self, request: &str) -> Result<bool, serde_json::Error> {
        let question: Question<'_> = serde_json::from_str(request)?;
        let signature = sign(&self.secret, question.payload.get().as_bytes())?;
        Ok(question.webhook_id == self.webhook_id && question.secret == self.secret && question.signature == signature)
    }
}
