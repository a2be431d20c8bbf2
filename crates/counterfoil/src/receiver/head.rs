//! The head of a request, and what is judged by it alone.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method, Uri};

use super::{Answer, Intake, Receiver, Runtime};
use crate::Rejection;
use crate::scheme::Challenge;
use crate::time::monotonic;
use crate::verifier::{MAX_CHALLENGE_BYTES, Presented};

/// The head of a request, as the receiver sees it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The address as it arrived. A proxy may have changed it: nothing signed is ever compared with it.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// What the framework's router found in the path. Only there where the receiver has
    /// [tenants](Receiver::has_tenants).
    pub parameters: Parameters,
}

impl<'a> Head<'a> {
    /// A head without path parameters.
    #[must_use]
    pub fn new(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap) -> Self {
        Self { method, uri, headers, parameters: Parameters::default() }
    }

    /// The same head with these path parameters.
    #[must_use]
    pub fn with_parameters(mut self, parameters: Parameters) -> Self {
        self.parameters = parameters;
        self
    }
}

/// Path parameters by name.
///
/// ```
/// use counterfoil::receiver::Parameters;
///
/// let parameters: Parameters = [("tenant".to_owned(), "acme".to_owned())].into_iter().collect();
/// assert_eq!(parameters.get("tenant"), Some("acme"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The parameter of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl FromIterator<(String, String)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(parameters: I) -> Self {
        Self(parameters.into_iter().collect())
    }
}

impl Receiver {
    /// Whether a header of that name, in lower case, can make a difference. An adapter that has to copy headers for
    /// [`Head::headers`] may leave out the others, and none of the values of these.
    ///
    /// ```
    /// use counterfoil::{Receiver, Secret, senders};
    ///
    /// let receiver = Receiver::builder(senders::HANDL).secret(Secret::new("whsec_example_0123")?).build()?;
    /// assert!(receiver.reads_header("x-handl-signature"));
    /// assert!(!receiver.reads_header("user-agent"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn reads_header(&self, name: &str) -> bool {
        // Whoever finds tenants sees the whole head.
        self.has_tenants()
            || CONTENT_ENCODING == name
            || CONTENT_LENGTH == name
            || self.inner.verifier.reads_header(name)
    }

    /// Judges a request by its head, before one byte of its body is read: method, encoding, the headers that prove it,
    /// declared length. Where there are tenants, looks up whose delivery it says it is.
    ///
    /// # Errors
    /// The answer, where the head is enough for one. The body was not read: on HTTP/1.1 the connection is to be closed.
    pub async fn head(&self, runtime: &impl Runtime, head: &Head<'_>) -> Result<Intake, Answer> {
        let head_at = monotonic();
        if let Some(text) = self.challenge(head) {
            return Err(self.answer(Answer::Challenge(text)));
        }
        match self.present(runtime, head).await {
            Ok(presented) => Ok(Intake::new(self.clone(), presented, head_at)),
            Err(rejection) => Err(self.refuse(rejection)),
        }
    }

    async fn present(&self, runtime: &impl Runtime, head: &Head<'_>) -> Result<Presented, Rejection> {
        if *head.method != Method::POST {
            return Err(Rejection::MethodNotAllowed { method: head.method.clone() });
        }
        let identity = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        if !head.headers.get_all(CONTENT_ENCODING).iter().all(identity) {
            return Err(Rejection::ContentEncoding);
        }
        let verifier = &self.inner.verifier;
        let evidence = verifier.read_head(head.headers)?;
        let limit = self.inner.body_limit;
        if head.headers.get_all(CONTENT_LENGTH).iter().any(|length| declares_more_than(limit, length.as_bytes())) {
            return Err(Rejection::BodyTooLarge { limit });
        }
        if self.inner.activity.is_closing() {
            return Err(Rejection::ShuttingDown);
        }
        let tenant = match &self.inner.tenants {
            Some(tenants) => Some(Box::pin(tenants.keys(runtime, verifier, head)).await?),
            None => None,
        };
        verifier.present_read(evidence, tenant, self.inner.clock.now())
    }

    /// The text of a challenge that stands in the query. Nothing proves it, and nothing comes of it but an echo.
    fn challenge(&self, head: &Head<'_>) -> Option<Bytes> {
        let Some(Challenge::Query { parameter }) = &self.inner.verifier.sender().scheme.challenge else { return None };
        if *head.method != Method::GET && *head.method != Method::POST {
            return None;
        }
        let mut texts = form_urlencoded::parse(head.uri.query()?.as_bytes()).filter(|(name, _)| name == parameter);
        let (_, text) = texts.next()?;
        let fit = (1..=MAX_CHALLENGE_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
        (fit && texts.next().is_none()).then(|| Bytes::from(text.into_owned()))
    }
}

/// Whether a declared length is beyond `limit`. What is no number is left to the HTTP library and to counting.
fn declares_more_than(limit: usize, declared: &[u8]) -> bool {
    let digits = !declared.is_empty() && declared.iter().all(u8::is_ascii_digit);
    let length = std::str::from_utf8(declared).ok().and_then(|text| text.parse::<usize>().ok());
    digits && length.is_none_or(|length| length > limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Secret, senders};

    #[test]
    fn whatever_a_sender_signs_or_names_is_read() {
        let receiver = Receiver::builder(senders::AGILED).secret(Secret::new("agiled_secret_example").unwrap());
        let receiver = receiver.build().unwrap();
        let named = ["signature", "timestamp", "event", "id"].map(|name| format!("x-agiled-webhook-{name}"));
        for name in named.iter().map(String::as_str).chain(["content-encoding", "content-length"]) {
            assert!(receiver.reads_header(name), "{name}");
        }
        for name in ["x-agiled-webhook", "x-handl-signature", "user-agent", ""] {
            assert!(!receiver.reads_header(name), "{name}");
        }
    }

    #[test]
    fn a_parameter_is_found_by_its_name() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let parameters: Parameters = [pair("shop", "one"), pair("tenant", "acme")].into_iter().collect();
        assert_eq!(parameters.get("tenant"), Some("acme"));
        assert_eq!(parameters.get("shop"), Some("one"));
        assert_eq!(parameters.get("acme"), None);
    }

    #[test]
    fn t46_a_declared_length_allocates_nothing_and_never_wraps() {
        for (declared, more) in [
            ("0", false),
            ("10", false),
            ("11", true),
            ("18446744073709551615", true),
            ("18446744073709551616", true),
            ("99999999999999999999999999", true),
            ("", false),
            ("-1", false),
            ("+11", false),
            ("1e9", false),
        ] {
            assert_eq!(declares_more_than(10, declared.as_bytes()), more, "{declared:?}");
        }
    }
}
