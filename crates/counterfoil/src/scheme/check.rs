//! What proves a delivery: a signature, a credential, or the sender's own endpoint.

use std::borrow::Cow;

use super::Text;
use crate::time::TimestampFormat;

/// What proves a delivery.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Check {
    /// An HMAC over content that holds the body.
    Hmac(Hmac),
    /// A shared credential in a header.
    ///
    /// # Security
    /// It proves who speaks and nothing of what is said: whoever reads one request can send any other. No time in
    /// the body is checked, and a replay is only recognised by its key.
    Token(Token),
    /// The sender's own endpoint says whether a delivery is its own.
    Remote(Remote),
    /// Nothing. See [`Sender::insecure_unsigned`](super::Sender::insecure_unsigned).
    InsecureUnsigned,
}

impl Check {
    /// A bearer token in `Authorization`. The secret is the token.
    #[must_use]
    pub const fn bearer() -> Self {
        Self::authorization("Bearer ", TokenEncoding::Plain)
    }

    /// Basic authentication. The secret is `user:password`.
    #[must_use]
    pub const fn basic() -> Self {
        Self::authorization("Basic ", TokenEncoding::Base64)
    }

    /// A key in a header of that name. The secret is the key.
    #[must_use]
    pub fn api_key(header: impl Into<Text>) -> Self {
        Self::Token(Token { header: header.into(), prefix: Cow::Borrowed(""), encoding: TokenEncoding::Plain })
    }

    const fn authorization(scheme: &'static str, encoding: TokenEncoding) -> Self {
        Self::Token(Token { header: Cow::Borrowed("Authorization"), prefix: Cow::Borrowed(scheme), encoding })
    }
}

/// How a sender signs: which hash, which header, which form, which bytes.
#[derive(Debug, Clone)]
pub struct Hmac {
    /// The hash under the HMAC.
    pub hash: Hash,
    /// Where the signature is and how it is written.
    pub signature: SignatureHeader,
    /// The bytes under the MAC, in order.
    pub signed: Cow<'static, [Part]>,
    /// Where the signed time is; `None` where the sender signs none.
    pub timestamp: Option<TimestampSource>,
}

/// The hash of an HMAC. The sender's file names it; a request never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Hash {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-1, for senders that have nothing better. Needs the feature `insecure-sha1`.
    ///
    /// # Security
    /// No forgery of an HMAC-SHA1 is known, and nobody should begin to rely on one.
    InsecureSha1,
}

impl Hash {
    /// The bytes of a tag.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
            Self::InsecureSha1 => 20,
        }
    }
}

/// The header that carries the signature.
#[derive(Debug, Clone)]
pub struct SignatureHeader {
    /// Its name, as the sender's documents write it.
    pub name: Text,
    /// The exact text before each tag; empty where there is none.
    pub prefix: Text,
    /// How the tag's bytes are written.
    pub encoding: TagEncoding,
    /// What separates the entries of a list, a visible ASCII character or a space; `None` where there is exactly one
    /// tag. Entries that do not begin with the prefix are passed over. Two header lines are refused in either case:
    /// senders that sign twice do so in one line.
    pub separator: Option<char>,
}

/// How the bytes of a tag are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TagEncoding {
    /// Hex digits of either case, all of them.
    Hex,
    /// Standard base64 with padding.
    Base64,
    /// URL-safe base64 without padding.
    #[serde(rename = "base64url")]
    Base64Url,
}

/// One part of the signed content.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// The text of the timestamp, exactly as received.
    Timestamp,
    /// Fixed bytes.
    Literal(Text),
    /// The value of this header, exactly as received. It may not hold the literals beside it, nor a part of one that
    /// could be read as its beginning or end.
    Header(Text),
    /// The body, exactly as received.
    Body,
    /// The request's method: always `POST`.
    Method,
    /// The path and query of the public URL, as configured.
    Path,
    /// The public URL, as configured. What a request says of its own address is never believed: proxies change it.
    Url,
}

/// Where the signed time is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TimestampSource {
    /// In a header that is part of the signed content.
    Header {
        /// The header's name.
        name: Text,
        /// The form of its text.
        format: TimestampFormat,
    },
    /// In an entry of the signature header that is part of the signed content.
    Entry {
        /// The exact text before the time.
        prefix: Text,
        /// The form of its text.
        format: TimestampFormat,
    },
    /// In the signed body.
    Body {
        /// Pointer to the member, as in [`Envelope`](super::Envelope): a string, or a number for the Unix forms.
        pointer: Text,
        /// The form of its text.
        format: TimestampFormat,
    },
}

impl TimestampSource {
    /// The form of the time's text.
    #[must_use]
    pub const fn format(&self) -> TimestampFormat {
        match self {
            Self::Header { format, .. } | Self::Entry { format, .. } | Self::Body { format, .. } => *format,
        }
    }
}

/// A credential that the sender repeats with each delivery.
#[derive(Debug, Clone)]
pub struct Token {
    /// The header's name.
    pub header: Text,
    /// The text before the credential, in any case; empty where there is none.
    pub prefix: Text,
    /// How the credential is written.
    pub encoding: TokenEncoding,
}

/// How a credential is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenEncoding {
    /// As it is.
    #[default]
    Plain,
    /// Standard base64 with padding, as basic authentication writes `user:password`.
    Base64,
}

/// A question that the sender's endpoint answers: a POST of a JSON object with the webhook's id, the signature, the
/// secret and the payload.
#[derive(Debug, Clone)]
pub struct Remote {
    /// The header that carries the signature, of a form that only the sender knows.
    pub header: Text,
    /// The endpoint: `https`, and nothing from a request in it.
    pub url: Text,
    /// The member that holds the webhook's id.
    pub webhook_id: Text,
    /// The member that holds the signature.
    pub signature: Text,
    /// The member that holds the secret.
    pub secret: Text,
    /// The member that holds the body, byte for byte.
    pub payload: Text,
    /// The answer to a delivery that is the sender's.
    pub valid: RemoteOutcome,
    /// The answer to one that is not.
    pub invalid: RemoteOutcome,
}

/// One answer of a sender's endpoint: both must agree.
#[derive(Debug, Clone)]
pub struct RemoteOutcome {
    /// The HTTP status.
    pub status: u16,
    /// The member of the answer that says so.
    pub member: Text,
    /// Its text.
    pub text: Text,
}
