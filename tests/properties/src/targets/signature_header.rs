//! Any bytes in the header that proves a delivery.

use counterfoil::scheme::{Hash, TagEncoding};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::input::Input;
use crate::law;
use crate::model::mac;
use crate::request::Request;
use crate::terms::{KEY, SENDERS, Terms, noon};

/// For every sender and any values of its signature header, the verdict is that of the model; so a delivery is accepted
/// only under the one tag of its content, in the one form of its scheme.
pub fn signature_header(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let terms = Terms::of(input.pick(&SENDERS));
    let right = Request::valid(&terms, noon());
    let Some(name) = Request::signature_name(&terms) else { return };
    let mut headers = right.headers.clone();
    headers.remove(&name);
    for _ in 0..input.pick(&[1, 1, 1, 0, 2, 3]).to_owned() {
        let text = value(&mut input, &terms, &right);
        append(&mut headers, &name, &text);
    }
    let accepted = law::agree(&terms, &headers, &right.body, noon());
    if let Ok(delivery) = accepted {
        let first = law::agree(&terms, &right.headers, &right.body, noon()).expect("the request is in order");
        assert_eq!(delivery.key(), first.key(), "the signature's text is part of the key");
    }
}

/// What cannot stand in a header cannot be sent.
fn append(headers: &mut HeaderMap, name: &HeaderName, text: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(text) {
        headers.append(name.clone(), value);
    }
}

fn value(input: &mut Input<'_>, terms: &Terms, right: &Request) -> Vec<u8> {
    let signature = &right.signature;
    match input.below(6) {
        0 => input.edited(signature),
        1 => input.chunk().to_vec(),
        2 => list(input, terms, signature),
        3 => signature.to_ascii_uppercase(),
        4 => input.chunk().repeat(1 + input.below(40)),
        _ => otherwise_written(input, terms, right),
    }
}

/// The right entry somewhere among others.
fn list(input: &mut Input<'_>, terms: &Terms, signature: &[u8]) -> Vec<u8> {
    let separator = terms.sender.scheme.hmac().and_then(|hmac| hmac.signature.separator);
    let separator = separator.map_or(b',', |char| u8::try_from(char).expect("ASCII"));
    let mut entries: Vec<Vec<u8>> = Vec::new();
    for side in 0..2 {
        // Sixteen entries are tried, and a time may be one of them.
        let count = *input.pick(&[0, 15, 16, 14, 1, 2, 13, 40]);
        let other = match input.below(4) {
            0 => b"v9".to_vec(),
            1 => signature.to_vec(),
            2 => input.edited(signature),
            _ => input.chunk().to_vec(),
        };
        entries.extend(vec![other; count]);
        if side == 0 {
            entries.push(signature.to_vec());
        }
    }
    entries.join(&separator)
}

/// The right tag, or one of another hash, in another writing or cut short.
fn otherwise_written(input: &mut Input<'_>, terms: &Terms, right: &Request) -> Vec<u8> {
    let hash = *input.pick(&[Hash::Sha256, Hash::Sha512, Hash::InsecureSha1]);
    let mut tag = mac::hmac(hash, KEY, &right.body);
    if input.flag() {
        tag.truncate(input.below(tag.len() + 1));
    }
    let text = mac::write(&tag, *input.pick(&[TagEncoding::Hex, TagEncoding::Base64, TagEncoding::Base64Url]));
    let own = terms.sender.scheme.hmac().map_or("", |hmac| &hmac.signature.prefix);
    let prefix = *input.pick(&[own, "", "sha256=", "sha1=", "sha512=", "v0=", "v1=", "v1,", "v2,"]);
    format!("{prefix}{text}{}", input.pick(&["", "=", " ", ",", "A"])).into_bytes()
}
