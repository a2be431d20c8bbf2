//! A sender's data in words.

use std::time::Duration;

use counterfoil::SecretEncoding;
use counterfoil::scheme::{
    BodyForm, Challenge, Check, EventSource, Hash, Hmac, IdSource, Part, Retries, Sender, TagEncoding, TimestampSource,
    Token, TokenEncoding,
};
use counterfoil::time::TimestampFormat;
use humantime::format_duration;

use crate::known::Origin;

pub(super) fn origin(origin: Origin<'_>) -> String {
    match origin {
        Origin::BuiltIn => "built in".to_owned(),
        Origin::Catalogue => "the catalogue".to_owned(),
        Origin::File(path) => path.display().to_string(),
    }
}

pub(super) fn check(sender: &Sender) -> String {
    match &sender.scheme.check {
        Check::Hmac(Hmac { hash: Hash::InsecureSha1, .. }) => {
            "HMAC-SHA1; a program needs the feature `insecure-sha1`".to_owned()
        }
        Check::Hmac(hmac) => format!("HMAC-{}", hash(hmac.hash)),
        Check::Token(_) => "a credential: it proves who speaks, and nothing of what is said".to_owned(),
        Check::Remote(remote) => format!("the sender's endpoint is asked: {}", remote.url),
        Check::InsecureUnsigned => "none: whoever can reach the address decides what happened".to_owned(),
        _ => "of another kind".to_owned(),
    }
}

pub(super) fn check_in_short(sender: &Sender) -> String {
    match &sender.scheme.check {
        Check::Hmac(hmac) => format!("HMAC-{}", hash(hmac.hash)),
        Check::Token(_) => "token".to_owned(),
        Check::Remote(_) => "remote".to_owned(),
        Check::InsecureUnsigned => "unsigned".to_owned(),
        _ => "other".to_owned(),
    }
}

pub(super) fn signature_form(hmac: &Hmac) -> String {
    let (form, width) = (&hmac.signature, hmac.hash.width());
    let tag = match form.encoding {
        TagEncoding::Hex => format!("<{} hex digits>", 2 * width),
        TagEncoding::Base64 => format!("<{} characters of base64>", width.div_ceil(3) * 4),
        TagEncoding::Base64Url => format!("<{} characters of URL-safe base64>", (width * 4).div_ceil(3)),
        _ => "<tag>".to_owned(),
    };
    let list = match form.separator {
        None => String::new(),
        Some(' ') => ", one or more among entries with a space between them".to_owned(),
        Some(separator) => format!(", one or more among entries with `{separator}` between them"),
    };
    format!("{}: {}{tag}{list}", form.name, form.prefix)
}

pub(super) fn credential_form(token: &Token) -> String {
    let form = match token.encoding {
        TokenEncoding::Plain => "<token>",
        TokenEncoding::Base64 => "<base64 of USER:PASSWORD>",
        _ => "<credential>",
    };
    format!("{}: {}{form}", token.header, token.prefix)
}

/// What the secret looks like, as it is given to --secret-env.
pub(super) fn secret(sender: &Sender) -> &'static str {
    match (&sender.scheme.check, sender.scheme.secret) {
        (Check::InsecureUnsigned, _) => "none",
        (Check::Token(Token { encoding: TokenEncoding::Base64, .. }), _) => "USER:PASSWORD",
        (Check::Token(_), _) => "the token, as it is",
        (Check::Remote(_), _) => "its text, as it is; the endpoint is sent it",
        (_, SecretEncoding::Raw) => "its text is the key, as it is",
        (_, SecretEncoding::Base64) => "base64, which is decoded",
        (_, SecretEncoding::Hex) => "hex digits, which are decoded",
        (_, SecretEncoding::Whsec) => "`whsec_` and base64, which is decoded",
        _ => "of another form",
    }
}

/// What a receiver has to be told besides: a name for programs, and words.
pub(super) fn needs(sender: &Sender) -> impl Iterator<Item = (&'static str, &'static str)> {
    let parts = sender.scheme.hmac().map_or(&[][..], |hmac| &hmac.signed);
    let address = parts.iter().any(|part| matches!(part, Part::Url | Part::Path));
    let address =
        address.then_some(("public_url", "its public URL, exactly as the sender was given it (--public-url)"));
    let asked = sender.scheme.remote().is_some();
    address.into_iter().chain(asked.then_some(("webhook_id", "the webhook's id (--webhook-id)")))
}

/// The bytes under the MAC, such as `<X-Agiled-Webhook-Timestamp>.<body>`.
pub(super) fn signed_bytes(hmac: &Hmac) -> String {
    let time = match &hmac.timestamp {
        Some(TimestampSource::Header { name, .. }) => name.to_string(),
        Some(TimestampSource::Entry { prefix, .. }) => format!("{prefix} of {}", hmac.signature.name),
        _ => "time".to_owned(),
    };
    join_parts(hmac, &time, "public URL")
}

/// The same in short: `<time>.<body>`. Where no signature is checked here: what is done instead.
pub(super) fn signed_bytes_in_short(sender: &Sender) -> String {
    match &sender.scheme.check {
        Check::Hmac(hmac) => join_parts(hmac, "time", "url"),
        Check::Remote(remote) => {
            let host = remote.url.trim_start_matches("https://").split('/').next().unwrap_or_default();
            format!("asked at {host}")
        }
        _ => "nothing".to_owned(),
    }
}

/// Where the signed time is: `header` and its name, `entry` and its prefix, or `body` and a pointer.
pub(super) fn place(timestamp: &TimestampSource) -> Option<(&'static str, &str)> {
    match timestamp {
        TimestampSource::Header { name, .. } => Some(("header", name)),
        TimestampSource::Entry { prefix, .. } => Some(("entry", prefix)),
        TimestampSource::Body { pointer, .. } => Some(("body", pointer)),
        _ => None,
    }
}

pub(super) fn time_format(format: TimestampFormat) -> &'static str {
    match format {
        TimestampFormat::UnixSeconds => "Unix seconds",
        TimestampFormat::UnixMillis => "Unix milliseconds",
        TimestampFormat::Rfc3339 => "RFC 3339",
        TimestampFormat::UnixOrRfc3339 => "Unix seconds, Unix milliseconds or RFC 3339",
        TimestampFormat::SiteUnixSeconds => "Unix seconds plus the site's UTC offset (give --utc-offset)",
        _ => "another form",
    }
}

pub(super) fn challenge(challenge: &Challenge) -> String {
    match challenge {
        Challenge::Body { text, at, is } => {
            format!("a proven body whose {at} is `{is}` is answered with the text at {text}")
        }
        Challenge::Query { parameter } => format!("a query with `{parameter}` is answered with its value, unproven"),
        _ => "of another kind".to_owned(),
    }
}

pub(super) fn body(form: BodyForm) -> &'static str {
    match form {
        BodyForm::JsonObject => "one JSON object",
        BodyForm::Json => "one JSON value",
        _ => "any bytes",
    }
}

pub(super) fn key(sender: &Sender) -> String {
    match &sender.envelope.id {
        Some(IdSource::Body(pointers)) => match &**pointers {
            [pointer] => format!("the id at {pointer}"),
            pointers => format!("{}, which make one id together", pointers.join(", ")),
        },
        Some(IdSource::Header(name)) => format!("the id in {name}, which is signed"),
        Some(_) => "an id of another kind".to_owned(),
        None if sender.scheme.remote().is_some() => "the SHA-256 of the body's canonical form".to_owned(),
        None => "the SHA-256 of the body".to_owned(),
    }
}

pub(super) fn key_in_short(sender: &Sender) -> String {
    match &sender.envelope.id {
        Some(IdSource::Body(pointers)) => pointers.join(" "),
        Some(IdSource::Header(name)) => name.to_string(),
        _ => "body".to_owned(),
    }
}

pub(super) fn source(source: EventSource) -> &'static str {
    match source {
        EventSource::Documented => "documented",
        EventSource::Shipped => "shipped",
        _ => "unconfirmed",
    }
}

pub(super) fn retry_kind(retries: &Retries) -> &'static str {
    match retries {
        Retries::Never => "none",
        Retries::Manual => "manual",
        Retries::After(_) => "automatic",
        _ => "unknown",
    }
}

/// A sender's file may hold line breaks, as some sign one, and whatever else would tell a terminal what to do.
pub(super) fn printable(text: &str) -> String {
    let shown = |char: char| if char.is_control() { char.escape_default().collect() } else { String::from(char) };
    text.chars().map(shown).collect()
}

pub(super) fn to_minutes(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs().next_multiple_of(60))
}

pub(super) fn or_else(duration: Option<Duration>, otherwise: &str) -> String {
    duration.map_or_else(|| otherwise.to_owned(), |duration| format_duration(duration).to_string())
}

fn hash(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha256 => "SHA256",
        Hash::Sha512 => "SHA512",
        Hash::InsecureSha1 => "SHA1",
        _ => "other",
    }
}

fn join_parts(hmac: &Hmac, time: &str, url: &str) -> String {
    let part = |part: &Part| match part {
        Part::Timestamp => format!("<{time}>"),
        Part::Literal(text) => text.clone().into_owned(),
        Part::Header(name) => format!("<{name}>"),
        Part::Body => "<body>".to_owned(),
        Part::Method => "POST".to_owned(),
        Part::Path => format!("<path of the {url}>"),
        Part::Url => format!("<{url}>"),
        _ => "<other>".to_owned(),
    };
    hmac.signed.iter().map(part).collect()
}
