//! What the head of a request presents, decoded: stage 1.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::keys::KeySet;
use super::{Config, MAX_SIGNATURES, Verifier};
use crate::Rejection;
use crate::scheme::{Check, Hash, Hmac, Part, SignedHeader, StampPlace, Token, TokenEncoding};
use crate::signature::{Macs, Tag};
use crate::time::TimestampText;

/// The longest value of a header that is signed, or that is sent to a sender's endpoint.
const MAX_SIGNED_HEADER_BYTES: usize = 1024;

/// What a request presents to prove itself.
pub(crate) enum Evidence {
    Signature(Signature),
    Credential(Tag),
    /// The text of a signature that only the sender can check.
    Opaque(HeaderValue),
    Nothing,
}

/// Signatures, and the parts of the signed content that stand in the head.
pub(crate) struct Signature {
    pub(super) hash: Hash,
    pub(super) tags: Tags,
    pub(super) stamp: Option<Stamp>,
    /// The signed headers, in the order of their parts.
    pub(super) headers: Vec<HeaderValue>,
}

/// The signatures presented: nearly always one, so that one needs no allocation.
pub(super) struct Tags {
    pub(super) first: Tag,
    pub(super) rest: Vec<Tag>,
}

impl Tags {
    /// Whether any of them is `expected`, in a time that depends on their number alone.
    pub(super) fn contain(&self, expected: &Tag) -> bool {
        let any = self.rest.iter().fold(self.first.matches(expected), |any, tag| any | tag.matches(expected));
        bool::from(any)
    }
}

pub(super) struct Stamp {
    text: TimestampText,
    pub(super) at: SystemTime,
}

impl Evidence {
    pub(super) fn stamp(&self) -> Option<&Stamp> {
        match self {
            Self::Signature(signature) => signature.stamp.as_ref(),
            _ => None,
        }
    }

    /// The event's id, where a signed header holds it.
    pub(super) fn id(&self, config: &Config) -> Option<&HeaderValue> {
        match self {
            Self::Signature(signature) => signature.headers.get(config.scheme.id_header?),
            _ => None,
        }
    }
}

impl Signature {
    pub(super) fn feed_before_body(&self, macs: &mut Macs, hmac: &Hmac, keys: &KeySet) {
        self.feed(macs, hmac.signed.iter().take_while(|part| **part != Part::Body), 0, keys);
    }

    pub(super) fn feed_after_body(&self, macs: &mut Macs, hmac: &Hmac, keys: &KeySet) {
        let mut parts = hmac.signed.iter();
        let is_header = |part: &&Part| matches!(part, Part::Header(_));
        let before = parts.by_ref().take_while(|part| **part != Part::Body).filter(is_header).count();
        self.feed(macs, parts, before, keys);
    }

    /// Feeds parts of which the first header is the one of that index.
    fn feed<'p>(&self, macs: &mut Macs, parts: impl Iterator<Item = &'p Part>, header: usize, keys: &KeySet) {
        let mut headers = self.headers.iter().skip(header);
        for part in parts {
            let bytes = match part {
                Part::Timestamp => self.stamp.as_ref().map(|stamp| stamp.text.as_bytes()).unwrap_or_default(),
                Part::Literal(text) => text.as_bytes(),
                Part::Header(_) => headers.next().map(HeaderValue::as_bytes).unwrap_or_default(),
                Part::Method => b"POST",
                Part::Path => keys.address.url.as_ref().map(|url| url.path().as_bytes()).unwrap_or_default(),
                Part::Url => keys.address.url.as_ref().map(|url| url.as_str().as_bytes()).unwrap_or_default(),
                Part::Body => continue,
            };
            macs.update(bytes);
        }
    }
}

impl Verifier {
    /// Whether what a delivery comes to can depend on a header of that name, in lower case.
    pub(crate) fn reads_header(&self, name: &str) -> bool {
        self.config.scheme.headers().any(|header| header == name)
    }
}

impl Config {
    /// Reads the headers that prove a delivery. Nothing of the request but its headers is known yet.
    pub(super) fn read_head(&self, headers: &HeaderMap) -> Result<Evidence, Rejection> {
        let Some(header) = &self.scheme.header else { return Ok(Evidence::Nothing) };
        let value = single(headers, header)?;
        match &self.sender.scheme.check {
            Check::Hmac(hmac) => self.read_signature(hmac, headers, header, value).map(Evidence::Signature),
            Check::Token(token) => {
                let credential = read_credential(token, value.as_bytes());
                credential.map(Evidence::Credential).ok_or_else(|| self.malformed(header))
            }
            Check::Remote(_) => {
                let fit = is_text(value) && !value.is_empty();
                fit.then(|| Evidence::Opaque(value.clone())).ok_or_else(|| self.malformed(header))
            }
            Check::InsecureUnsigned => Ok(Evidence::Nothing),
        }
    }

    #[inline]
    fn read_signature(
        &self,
        hmac: &Hmac,
        headers: &HeaderMap,
        header: &HeaderName,
        value: &HeaderValue,
    ) -> Result<Signature, Rejection> {
        let tags = read_tags(hmac, value.as_bytes()).ok_or_else(|| self.malformed(header))?;
        let mut signed = Vec::new();
        for header in &self.scheme.signed {
            signed.push(read_signed(headers, header)?);
        }
        let stamp = self.read_stamp(headers, value)?;
        Ok(Signature { hash: hmac.hash, tags, stamp, headers: signed })
    }

    #[inline]
    fn read_stamp(&self, headers: &HeaderMap, value: &HeaderValue) -> Result<Option<Stamp>, Rejection> {
        let Some((place, format)) = &self.scheme.stamp else { return Ok(None) };
        let named = || self.timestamp_place.clone();
        let missing = || Rejection::TimestampMissing { place: named() };
        let (text, more) = match place {
            StampPlace::Header(header) => {
                let mut values = headers.get_all(header).iter();
                (values.next().ok_or_else(missing)?.as_bytes(), values.next().is_some())
            }
            StampPlace::Entry(prefix, separator) => {
                let mut stamps =
                    entries(value.as_bytes(), *separator).filter_map(|entry| entry.strip_prefix(prefix.as_bytes()));
                (stamps.next().ok_or_else(missing)?, stamps.next().is_some())
            }
        };
        if more {
            return Err(Rejection::TimestampRepeated { place: named() });
        }
        let read = |text: &[u8]| {
            let text = std::str::from_utf8(text).ok()?;
            Some(Stamp { text: TimestampText::new(text)?, at: format.parse(text)? })
        };
        read(text).map(Some).ok_or_else(|| Rejection::TimestampMalformed { place: named() })
    }

    fn malformed(&self, header: &HeaderName) -> Rejection {
        Rejection::SignatureMalformed { header: header.clone(), form: self.form.clone() }
    }
}

#[inline]
fn read_tags(hmac: &Hmac, value: &[u8]) -> Option<Tags> {
    let form = &hmac.signature;
    let decode =
        |entry: &[u8]| Tag::decode(entry.strip_prefix(form.prefix.as_bytes())?, form.encoding, hmac.hash.width());
    let Some(separator) = form.separator else {
        return Some(Tags { first: decode(value)?, rest: Vec::new() });
    };
    let mut tags = entries(value, separator).filter_map(decode);
    Some(Tags { first: tags.next()?, rest: tags.collect() })
}

/// The entries of a signature header that is a list.
fn entries(value: &[u8], separator: char) -> impl Iterator<Item = &[u8]> {
    value.split(move |byte| char::from(*byte) == separator).take(MAX_SIGNATURES)
}

/// The value of a header that must be there once.
fn single<'h>(headers: &'h HeaderMap, header: &HeaderName) -> Result<&'h HeaderValue, Rejection> {
    let mut values = headers.get_all(header).iter();
    let value = values.next().ok_or_else(|| Rejection::SignatureMissing { header: header.clone() })?;
    if values.next().is_some() {
        return Err(Rejection::SignatureRepeated { header: header.clone() });
    }
    Ok(value)
}

fn read_signed(headers: &HeaderMap, signed: &SignedHeader) -> Result<HeaderValue, Rejection> {
    let value = single(headers, &signed.name)?;
    let text = if is_text(value) { value.to_str().unwrap_or_default() } else { "" };
    if text.is_empty() || !signed.keeps_apart(text) {
        let literals: Vec<&str> = [&signed.before, &signed.after].into_iter().flatten().map(|text| &**text).collect();
        let form = match &*literals {
            [] => "visible ASCII characters".into(),
            literals => {
                format!("visible ASCII characters that cannot be taken for `{}`", literals.join("` or `")).into()
            }
        };
        return Err(Rejection::SignatureMalformed { header: signed.name.clone(), form });
    }
    Ok(value.clone())
}

/// Visible ASCII of a bounded length.
fn is_text(value: &HeaderValue) -> bool {
    value.len() <= MAX_SIGNED_HEADER_BYTES && value.to_str().is_ok()
}

/// The digest of the credential in a header's value; `None` where it is not of the scheme's form.
fn read_credential(token: &Token, value: &[u8]) -> Option<Tag> {
    let (prefix, credential) = value.split_at_checked(token.prefix.len())?;
    if !prefix.eq_ignore_ascii_case(token.prefix.as_bytes()) || credential.is_empty() {
        return None;
    }
    match token.encoding {
        TokenEncoding::Plain => Some(Tag::of_credential(credential)),
        TokenEncoding::Base64 => Some(Tag::of_credential(&zeroize::Zeroizing::new(STANDARD.decode(credential).ok()?))),
    }
}
