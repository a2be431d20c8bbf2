//! How a sender proves its deliveries, as JSON.

use counterfoil::SecretEncoding;
use counterfoil::scheme::{
    Check, Hash, Part, Remote, RemoteOutcome, Sender, SignatureHeader, TagEncoding, TimestampSource, Token,
    TokenEncoding,
};
use counterfoil::time::TimestampFormat;
use serde::Serialize;

use crate::senders::words;

/// What is said of every kind, null where it does not apply.
#[derive(Serialize)]
pub(super) struct Proof<'a> {
    kind: &'static str,
    /// Of the signature or the credential.
    header: Option<&'a str>,
    secret: Option<&'static str>,
    hash: Option<&'static str>,
    signature: Option<Signature<'a>>,
    signed: Option<Vec<SignedPart<'a>>>,
    signed_bytes: Option<String>,
    signed_time: Option<SignedTime<'a>>,
    token: Option<TokenFacts<'a>>,
    remote: Option<RemoteFacts<'a>>,
}

#[derive(Serialize)]
struct Signature<'a> {
    header: &'a str,
    prefix: &'a str,
    encoding: &'static str,
    separator: Option<char>,
}

/// As in a sender's file.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum SignedPart<'a> {
    Timestamp,
    Literal(&'a str),
    Header(&'a str),
    Body,
    Method,
    Path,
    Url,
    Other,
}

#[derive(Serialize)]
struct SignedTime<'a> {
    #[serde(rename = "in")]
    place: &'static str,
    at: &'a str,
    format: &'static str,
}

#[derive(Serialize)]
struct TokenFacts<'a> {
    prefix: &'a str,
    encoding: &'static str,
}

#[derive(Serialize)]
struct RemoteFacts<'a> {
    url: &'a str,
    request: RequestMembers<'a>,
    valid: Outcome<'a>,
    invalid: Outcome<'a>,
}

/// The names of the request's members.
#[derive(Serialize)]
struct RequestMembers<'a> {
    webhook_id: &'a str,
    signature: &'a str,
    secret: &'a str,
    payload: &'a str,
}

#[derive(Serialize)]
struct Outcome<'a> {
    status: u16,
    member: &'a str,
    text: &'a str,
}

impl<'a> Proof<'a> {
    pub(super) fn of(sender: &'a Sender) -> Self {
        let scheme = &sender.scheme;
        let hmac = scheme.hmac();
        Self {
            kind: kind(&scheme.check),
            header: scheme.header(),
            secret: secret(sender),
            hash: hmac.map(|hmac| hash(hmac.hash)),
            signature: hmac.map(|hmac| signature(&hmac.signature)),
            signed: hmac.map(|hmac| hmac.signed.iter().map(signed).collect()),
            signed_bytes: hmac.map(words::signed_bytes),
            signed_time: scheme.timestamp().and_then(signed_time),
            token: match &scheme.check {
                Check::Token(token) => Some(self::token(token)),
                _ => None,
            },
            remote: match &scheme.check {
                Check::Remote(remote) => Some(self::remote(remote)),
                _ => None,
            },
        }
    }
}

fn kind(check: &Check) -> &'static str {
    match check {
        Check::Hmac(_) => "hmac",
        Check::Token(_) => "token",
        Check::Remote(_) => "remote",
        Check::InsecureUnsigned => "insecure_unsigned",
        _ => "other",
    }
}

fn secret(sender: &Sender) -> Option<&'static str> {
    if matches!(sender.scheme.check, Check::InsecureUnsigned) {
        return None;
    }
    Some(match sender.scheme.secret {
        SecretEncoding::Raw => "raw",
        SecretEncoding::Base64 => "base64",
        SecretEncoding::Hex => "hex",
        SecretEncoding::Whsec => "whsec",
        _ => "other",
    })
}

fn hash(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha256 => "sha256",
        Hash::Sha512 => "sha512",
        Hash::InsecureSha1 => "insecure_sha1",
        _ => "other",
    }
}

fn signature(form: &SignatureHeader) -> Signature<'_> {
    Signature {
        header: &form.name,
        prefix: &form.prefix,
        encoding: match form.encoding {
            TagEncoding::Hex => "hex",
            TagEncoding::Base64 => "base64",
            TagEncoding::Base64Url => "base64url",
            _ => "other",
        },
        separator: form.separator,
    }
}

fn signed(part: &Part) -> SignedPart<'_> {
    match part {
        Part::Timestamp => SignedPart::Timestamp,
        Part::Literal(text) => SignedPart::Literal(text),
        Part::Header(name) => SignedPart::Header(name),
        Part::Body => SignedPart::Body,
        Part::Method => SignedPart::Method,
        Part::Path => SignedPart::Path,
        Part::Url => SignedPart::Url,
        _ => SignedPart::Other,
    }
}

fn signed_time(timestamp: &TimestampSource) -> Option<SignedTime<'_>> {
    let (place, at) = words::place(timestamp)?;
    let format = match timestamp.format() {
        TimestampFormat::UnixSeconds => "unix_seconds",
        TimestampFormat::UnixMillis => "unix_millis",
        TimestampFormat::Rfc3339 => "rfc3339",
        TimestampFormat::UnixOrRfc3339 => "unix_or_rfc3339",
        TimestampFormat::SiteUnixSeconds => "site_unix_seconds",
        _ => "other",
    };
    Some(SignedTime { place, at, format })
}

fn token(token: &Token) -> TokenFacts<'_> {
    let encoding = match token.encoding {
        TokenEncoding::Plain => "plain",
        TokenEncoding::Base64 => "base64",
        _ => "other",
    };
    TokenFacts { prefix: &token.prefix, encoding }
}

fn remote(remote: &Remote) -> RemoteFacts<'_> {
    RemoteFacts {
        url: &remote.url,
        request: RequestMembers {
            webhook_id: &remote.webhook_id,
            signature: &remote.signature,
            secret: &remote.secret,
            payload: &remote.payload,
        },
        valid: outcome(&remote.valid),
        invalid: outcome(&remote.invalid),
    }
}

fn outcome(RemoteOutcome { status, member, text }: &RemoteOutcome) -> Outcome<'_> {
    Outcome { status: *status, member, text }
}
