//! Whole requests, as they are signed and after one change.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use counterfoil::scheme::{BodyForm, Check, Hash, Part, Sender, TagEncoding};
use counterfoil::verifier::Verified;
use counterfoil::{Delivery, Signer};
use http::{HeaderMap, HeaderValue};

use crate::input::Input;
use crate::law;
use crate::model;
use crate::request::{self, Request};
use crate::terms::{SENDERS, Terms, noon};

/// Under up to four secrets with ends of their own, a request is judged as an HMAC of another crate says; our own signer
/// makes the same headers; frames make no difference; and no change of one byte of what was signed is accepted.
pub fn differential(bytes: &[u8]) {
    let mut input = Input::after_text(bytes);
    let mut terms = Terms::of(&sender(&mut input));
    terms.url = *input.pick(&[crate::terms::URL, ("https://shop.example", "/"), ("http://h:1?q=/", "/?q=/")]);
    let Some(secret) = secrets(&mut input, &mut terms) else { return };
    let now = noon() + Duration::from_secs(u64::from(input.byte()));
    let id = *input.pick(&["msg_1", "a", "a-b", "."]);
    let event = request::body(&terms, &request::written_in_body(&terms, now));
    let body = match input.below(4) {
        0 => event,
        1 => [&event[..], *input.pick::<&[u8]>(&[b"\n", b" ", b"\r\n\t", b"\0"])].concat(),
        2 => padded(&mut input, &event),
        _ => input.text().to_vec(),
    };
    let stamp = request::written(&terms, now);
    let Some(right) = Request::signed_with(&terms, &secret, &stamp, id, &body) else { return };
    let verdict = law::agree(&terms, &right.headers, &body, now);
    signer_agrees(&terms, &secret, &right, &body, now);
    frames_agree(&mut input, &terms, &right.headers, &body, now, &verdict);
    one_change_is_refused(&mut input, &terms, &right, now);
}

/// A sender as it is, or with another hash and form of tag, or one whose body is anything.
fn sender(input: &mut Input<'_>) -> Sender {
    let mut sender = input.pick(&SENDERS).clone();
    let (kind, hash) = (input.below(4), *input.pick(&[Hash::Sha256, Hash::Sha512, Hash::InsecureSha1]));
    let encoding = *input.pick(&[TagEncoding::Hex, TagEncoding::Base64, TagEncoding::Base64Url]);
    if let (Check::Hmac(hmac), 2..) = (&mut sender.scheme.check, kind) {
        (hmac.hash, hmac.signature.encoding) = (hash, encoding);
        if kind == 3 && hmac.signed[..] == [Part::Body] {
            let line = || Part::Literal("\n".into());
            hmac.signed = vec![Part::Method, Part::Path, line(), Part::Body, line(), Part::Url].into();
        }
    }
    if kind == 1 && sender.scheme.hmac().is_some_and(|hmac| hmac.timestamp.is_none()) {
        sender = Sender { envelope: counterfoil::scheme::Envelope::default(), ..sender };
        (sender.scheme.body, sender.scheme.challenge) = (BodyForm::Opaque, None);
    }
    sender
}

/// Puts one to four secrets into `terms` and says which one signs; it may be none of them.
fn secrets(input: &mut Input<'_>, terms: &mut Terms) -> Option<Vec<u8>> {
    if terms.keys.is_empty() {
        return Some(Vec::new());
    }
    let mut keys = Vec::new();
    for index in 0..1 + input.below(4) {
        let end = input.flag().then(|| input.instant(noon()));
        let chunk = input.chunk();
        // A secret of usual length, or of more than a block.
        let mut key = format!("user:{index}-").into_bytes();
        key.extend(chunk.repeat(1 + input.below(2)));
        // A credential and a remote secret are text.
        if terms.sender.scheme.hmac().is_none() {
            key = String::from_utf8_lossy(&key).chars().filter(char::is_ascii_graphic).collect::<String>().into_bytes();
        }
        keys.push((key, end));
    }
    let signing = keys.get(input.below(5)).map_or(b"user:none-of-them".to_vec(), |(key, _)| key.clone());
    terms.keys = keys;
    Some(signing)
}

/// An event with a long member of any text in it.
fn padded(input: &mut Input<'_>, event: &[u8]) -> Vec<u8> {
    let text = serde_json::Value::from(String::from_utf8_lossy(input.chunk()).repeat(1 + input.below(20)));
    match event {
        [b'{', rest @ ..] if rest != b"}" => format!("{{\"pad\":{text},{}", String::from_utf8_lossy(rest)).into_bytes(),
        other => other.to_vec(),
    }
}

fn signer_agrees(terms: &Terms, secret: &[u8], right: &Request, body: &[u8], now: SystemTime) {
    let scheme = &terms.sender.scheme;
    // Of what stands in the body the signer knows nothing, and with local time it cannot help.
    if scheme.remote().is_some() || scheme.header().is_none() {
        return;
    }
    let Ok(mut signer) = Signer::new(&terms.sender, &terms.secret(secret)) else {
        panic!("{}: it cannot be signed for", terms.sender.name)
    };
    if terms.signs_url() {
        signer = signer.with_public_url(terms.url.0).expect("an address");
    }
    let mut headers = HeaderMap::new();
    for (_, name) in scheme.hmac().into_iter().flat_map(model::header_parts) {
        headers.insert(request::header(name), right.headers[name].clone());
    }
    signer.sign_into(&mut headers, body, now).expect("a time of our days");
    assert_eq!(headers, right.headers, "{}", terms.sender.name);
    law::shows_no_secret(terms, &signer, &headers, body);
}

/// A body in frames is the body in one, whenever the verdict is asked for.
fn frames_agree(
    input: &mut Input<'_>,
    terms: &Terms,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
    at_once: &Result<Delivery, &'static str>,
) {
    let verifier = terms.verifier();
    let mut presented = match verifier.present(headers, now) {
        Ok(presented) => presented,
        Err(rejection) => return assert_eq!(at_once.as_ref().err(), Some(&law::typed(&rejection))),
    };
    let mut rest = body;
    for _ in 0..input.below(6) {
        let (frame, behind) = rest.split_at(input.below(rest.len().min(300) + 1));
        presented.push(Bytes::copy_from_slice(frame));
        rest = behind;
    }
    presented.push(Bytes::copy_from_slice(rest));
    law::shows_no_secret(terms, &presented, headers, body);
    match (presented.finish(headers, now), at_once) {
        (Ok(Verified::Fresh(one)), Ok(other)) => {
            assert_eq!((one.key(), one.body(), one.secret_index()), (other.key(), other.body(), other.secret_index()));
        }
        (Ok(Verified::Stale(stale)), Err(code)) => assert_eq!(law::typed(&stale.into_rejection()), *code),
        (Ok(Verified::Challenge(_)), Err("body_not_an_object")) | (Ok(Verified::Ask(_)), Err("could_not_verify")) => {}
        (Err(rejection), Err(code)) => assert_eq!(law::typed(&rejection), *code),
        (one, other) => panic!("{one:?} and {other:?}"),
    }
}

/// Changes one byte of the body, or of a signed header.
fn one_change_is_refused(input: &mut Input<'_>, terms: &Terms, right: &Request, now: SystemTime) {
    let Some(hmac) = terms.sender.scheme.hmac() else { return };
    let (mut headers, mut body) = (right.headers.clone(), right.body.clone());
    let signed = model::header_parts(hmac).map(|(_, name)| name);
    let stamp = match &hmac.timestamp {
        Some(counterfoil::scheme::TimestampSource::Header { name, .. }) => Some(&**name),
        _ => None,
    };
    let names: Vec<&str> = signed.chain(stamp).collect();
    let change = |bytes: &mut [u8], at: usize, by: u8| bytes[at] ^= by.max(1);
    let (place, by) = (input.below(65_536), input.byte());
    if !names.is_empty() && input.flag() {
        let name = *input.pick(&names);
        let mut value = headers[name].as_bytes().to_vec();
        let at = place % value.len();
        change(&mut value, at, by);
        let Ok(value) = HeaderValue::from_bytes(&value) else { return };
        headers.insert(request::header(name), value);
    } else if body.is_empty() {
        body.push(by);
    } else {
        let at = place % body.len();
        match input.below(3) {
            0 => drop(body.remove(at)),
            1 => body.insert(at, by),
            _ => change(&mut body, at, by),
        }
        // A byte beside its twin taken out, or put in, is no change.
        if body == right.body {
            return;
        }
    }
    let code = law::agree(terms, &headers, &body, now).expect_err("it was changed");
    assert!(code.starts_with("signature_") || code == "timestamp_malformed", "{code} for a change");
}

#[cfg(test)]
mod tests {
    use counterfoil::senders;

    use super::*;

    #[test]
    fn every_sender_is_tried() {
        assert_eq!(SENDERS.len(), senders::ALL.len() + senders::catalogue().len());
        assert!(SENDERS.len() >= 21);
    }
}
