//! One exchange with the endpoint: what is sent, to where, and how much of the answer is read.

use std::error::Error;
use std::time::Duration;

use counterfoil::remote::{Question, Verdict};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};

use crate::breaker::Health;

/// The most that is read of an answer. The documented ones have less than a hundred bytes.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Sends questions over HTTP.
pub(crate) struct Wire {
    client: reqwest::Client,
    /// Where the endpoint stands in tests.
    base: Option<Url>,
}

/// What came of a question.
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) health: Health,
}

struct Reply {
    status: StatusCode,
    retry_after: Option<Duration>,
    /// `None` where there is too much of it.
    body: Option<Vec<u8>>,
}

impl Wire {
    pub(crate) fn new(client: reqwest::Client, base: Option<Url>) -> Self {
        Self { client, base }
    }

    /// Sends the question and reads the answer, in whatever time that takes.
    pub(crate) async fn exchange(&self, question: &Question) -> Outcome {
        let Some(url) = self.address(question) else {
            let verdict = question.undecided("the URL of its endpoint is not one");
            return Outcome { verdict, health: Health::Unknown };
        };
        match self.send(url, question).await {
            Ok(reply) => reply.outcome(question),
            Err(error) => {
                // Without its URL, which a sender's file may have put a credential into.
                let reason = format!("its endpoint could not be asked: {}", chain(&error.without_url()));
                Outcome::failed(question.undecided(reason))
            }
        }
    }

    fn address(&self, question: &Question) -> Option<Url> {
        let asked = Url::parse(question.url()).ok()?;
        let Some(base) = &self.base else { return Some(asked) };
        let mut url = base.clone();
        url.set_path(asked.path());
        url.set_query(asked.query());
        Some(url)
    }

    async fn send(&self, url: Url, question: &Question) -> reqwest::Result<Reply> {
        let request = self.client.post(url).header(CONTENT_TYPE, "application/json").body(question.body());
        let mut response = request.send().await?;
        Ok(Reply {
            status: response.status(),
            retry_after: retry_after(response.headers()),
            body: read(&mut response).await?,
        })
    }
}

async fn read(response: &mut Response) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if chunk.len() > MAX_ANSWER_BYTES - body.len() {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// In seconds. The other form, a date, would be judged by two clocks that may differ: it is not read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.parse().ok().map(Duration::from_secs)
}

impl Reply {
    fn outcome(self, question: &Question) -> Outcome {
        let Self { status, retry_after, body } = self;
        let verdict = match body {
            Some(body) => question.judge(status, &body),
            None => question.undecided(format!(
                "its endpoint answered {} with more than {MAX_ANSWER_BYTES} bytes",
                status.as_u16()
            )),
        };
        let health = if verdict.is_conclusive() { Health::Well } else { health(status, retry_after) };
        Outcome { verdict, health }
    }
}

/// What an answer without a verdict tells of the endpoint. A refusal of the request as such tells nothing: whoever
/// writes to us chooses what we ask, and should not have the others' questions held back by it.
fn health(status: StatusCode, retry_after: Option<Duration>) -> Health {
    if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
        Health::Unknown
    } else {
        Health::Ill { retry_after }
    }
}

impl Outcome {
    /// The endpoint cannot be reached, or does not answer as one does.
    pub(crate) fn failed(verdict: Verdict) -> Self {
        Self { verdict, health: Health::Ill { retry_after: None } }
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn refusals_of_a_request_are_no_failures_of_the_endpoint() {
        let ill = |status| matches!(health(StatusCode::from_u16(status).unwrap(), None), Health::Ill { .. });
        for status in [400, 401, 403, 404, 408, 413, 415, 422] {
            assert!(!ill(status), "{status}");
        }
        for status in [200, 204, 301, 307, 429, 500, 502, 503, 504] {
            assert!(ill(status), "{status}");
        }
    }

    #[test]
    fn retry_after_is_a_number_of_seconds() {
        let read =
            |text: &'static str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]));
        assert_eq!(read("30"), Some(Duration::from_secs(30)));
        assert_eq!(read("18446744073709551615"), Some(Duration::from_secs(u64::MAX)));
        for other in ["", "-1", "1.5", "18446744073709551616", "Fri, 31 Dec 1999 23:59:59 GMT"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
