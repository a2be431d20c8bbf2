//! What a request's headers must be before its body is looked at.

use counterfoil::scheme::{Check, Hmac, IdSource, Part, Scheme, TagEncoding, TimestampSource, Token, TokenEncoding};
use http::{HeaderMap, HeaderValue};

use super::time;
use super::{Refusal, is_in_head, mac};

/// What the head says.
#[derive(Default)]
pub(super) struct Head {
    /// The tags presented, decoded.
    pub(super) tags: Vec<Vec<u8>>,
    pub(super) credential: Option<Vec<u8>>,
    /// The text of the signed time, and the time.
    pub(super) stamp: Vec<u8>,
    pub(super) signed_at: Option<std::time::SystemTime>,
    /// The signed headers, in the order of their parts.
    pub(super) signed: Vec<Vec<u8>>,
}

impl Head {
    /// The text of the header that holds the event's id.
    pub(super) fn id(&self, scheme: &Scheme, source: &IdSource) -> Option<String> {
        let (IdSource::Header(wanted), Some(hmac)) = (source, scheme.hmac()) else { return None };
        let mut names = header_parts(hmac).map(|(_, name)| name);
        let at = names.position(|name| name.eq_ignore_ascii_case(wanted))?;
        String::from_utf8(self.signed[at].clone()).ok()
    }
}

pub(super) fn read(scheme: &Scheme, headers: &HeaderMap) -> Result<Head, Refusal> {
    let Some(name) = scheme.header() else { return Ok(Head::default()) };
    let value = once(headers, name, "signature_missing", "signature_repeated")?;
    match &scheme.check {
        Check::Hmac(hmac) => read_signature(hmac, headers, value),
        Check::Token(token) => {
            let credential = Some(credential(token, value.as_bytes()).ok_or("signature_malformed")?);
            Ok(Head { credential, ..Head::default() })
        }
        Check::Remote(_) if text(value).is_none() => Err("signature_malformed"),
        _ => Ok(Head::default()),
    }
}

fn once<'h>(
    headers: &'h HeaderMap,
    name: &str,
    missing: Refusal,
    repeated: Refusal,
) -> Result<&'h HeaderValue, Refusal> {
    match headers.get_all(name).iter().collect::<Vec<_>>()[..] {
        [] => Err(missing),
        [value] => Ok(value),
        _ => Err(repeated),
    }
}

fn read_signature(hmac: &Hmac, headers: &HeaderMap, value: &HeaderValue) -> Result<Head, Refusal> {
    let form = &hmac.signature;
    let entries: Vec<&[u8]> = match form.separator {
        None => vec![value.as_bytes()],
        Some(separator) => value.as_bytes().split(|byte| char::from(*byte) == separator).take(16).collect(),
    };
    let tag = |entry: &&[u8]| mac::read(entry.strip_prefix(form.prefix.as_bytes())?, form.encoding);
    let of_width = |tag: &Vec<u8>| tag.len() == hmac.hash.width();
    let tags: Vec<Vec<u8>> = entries.iter().filter_map(tag).filter(of_width).collect();
    if tags.is_empty() {
        return Err("signature_malformed");
    }
    let signed = header_parts(hmac).map(|(at, name)| {
        let value = once(headers, name, "signature_missing", "signature_repeated")?;
        let text = text(value).ok_or("signature_malformed")?;
        if stands_apart(hmac, at, &text) { Ok(text.into_bytes()) } else { Err("signature_malformed") }
    });
    let head = Head { tags, signed: signed.collect::<Result<_, _>>()?, ..Head::default() };
    let Some(source) = hmac.timestamp.as_ref().filter(|source| is_in_head(Some(source))) else { return Ok(head) };
    let stamp = match source {
        TimestampSource::Header { name, .. } => {
            once(headers, name, "timestamp_missing", "timestamp_repeated")?.as_bytes()
        }
        TimestampSource::Entry { prefix, .. } => {
            let stamps: Vec<_> = entries.iter().filter_map(|entry| entry.strip_prefix(prefix.as_bytes())).collect();
            match stamps[..] {
                [] => return Err("timestamp_missing"),
                [stamp] => stamp,
                _ => return Err("timestamp_repeated"),
            }
        }
        _ => return Ok(head),
    };
    let signed_at = std::str::from_utf8(stamp).ok().and_then(|text| time::read(text, source.format()));
    if signed_at.is_none() {
        return Err("timestamp_malformed");
    }
    Ok(Head { stamp: stamp.to_vec(), signed_at, ..head })
}

/// The header parts, each with its place among all parts.
pub(crate) fn header_parts(hmac: &Hmac) -> impl Iterator<Item = (usize, &str)> {
    hmac.signed.iter().enumerate().filter_map(|(at, part)| match part {
        Part::Header(name) => Some((at, &**name)),
        _ => None,
    })
}

/// 1 to 1024 visible ASCII characters, spaces and tabs.
fn text(value: &HeaderValue) -> Option<String> {
    let visible = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
    let fit = (1..=1024).contains(&value.len()) && value.as_bytes().iter().all(visible);
    fit.then(|| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Whether a signed header can be told from what stands beside it, where a request has a say in something beyond.
fn stands_apart(hmac: &Hmac, at: usize, value: &str) -> bool {
    let varies =
        |parts: &[Part]| parts.iter().any(|part| matches!(part, Part::Timestamp | Part::Header(_) | Part::Body));
    let after = match hmac.signed.get(at + 1) {
        Some(Part::Literal(literal)) if varies(&hmac.signed[at + 2..]) => {
            let whole = format!("{value}{literal}");
            (0..value.len()).all(|at| !whole.as_bytes()[at..].starts_with(literal.as_bytes()))
        }
        _ => true,
    };
    let before = match at.checked_sub(1).map(|before| &hmac.signed[before]) {
        Some(Part::Literal(literal)) if varies(&hmac.signed[..at - 1]) => {
            let whole = format!("{literal}{value}");
            (1..=value.len()).all(|at| !whole.as_bytes()[at..].starts_with(literal.as_bytes()))
        }
        _ => true,
    };
    after && before
}

fn credential(token: &Token, value: &[u8]) -> Option<Vec<u8>> {
    let prefix = value.get(..token.prefix.len())?;
    let rest = &value[prefix.len()..];
    if prefix.to_ascii_lowercase() != token.prefix.to_ascii_lowercase().into_bytes() || rest.is_empty() {
        return None;
    }
    match token.encoding {
        TokenEncoding::Base64 => mac::read(rest, TagEncoding::Base64),
        _ => Some(rest.to_vec()),
    }
}
