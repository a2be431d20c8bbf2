//! Keys: what they are made of, and nothing else.

use std::borrow::Cow;
use std::time::Duration;

use counterfoil::scheme::{IdSource, Sender, TimestampSource, UnsignedHeaders};
use counterfoil::{Delivery, IdempotencyKey, senders};
use http::HeaderValue;
use serde_json::Value;

use crate::input::Input;
use crate::law;
use crate::model;
use crate::request::{self, Request};
use crate::terms::{KEY, Terms, noon};

/// The parts of a key as far as they vary here.
struct Parts {
    terms: Terms,
    body: Vec<u8>,
}

/// Two events have one key exactly where all parts of it are the same. Neither the secret, the signature's text, the
/// time of the attempt nor an unsigned header is one of them.
pub fn key(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (Some(one), Some(other)) = (parts(&mut input), parts(&mut input)) else { return };
    let (Some(first), Some(second)) = (deliver(&one), deliver(&other)) else { return };
    // Of the same parts, whatever else differs.
    let again = signed_anew(&mut input, &one);
    assert_eq!((again.key(), again.scope(), again.fingerprint()), (first.key(), first.scope(), first.fingerprint()));
    assert_eq!(again.event_id(), first.event_id());
    let made_of = |parts: &Parts, delivery: &Delivery| {
        let digest = hmac_sha256::Hash::hash(&parts.body);
        let id = delivery.event_id().map(law::id);
        (model::key::names(&parts.terms).map(<[u8]>::to_vec), id.is_none().then_some(digest), id)
    };
    let same_names = model::key::names(&one.terms) == model::key::names(&other.terms);
    assert_eq!(first.scope() == second.scope(), same_names, "{:?} {:?}", first.scope(), second.scope());
    assert_eq!(first.key() == second.key(), made_of(&one, &first) == made_of(&other, &second));
    assert_eq!(first.fingerprint() == second.fingerprint(), one.body == other.body);
    assert_eq!(first.key().to_string().parse::<IdempotencyKey>(), Ok(first.key()));
}

fn parts(input: &mut Input<'_>) -> Option<Parts> {
    let mut terms = Terms::of(&sender(input)?);
    terms.endpoint = name(input).filter(|_| input.flag());
    terms.tenant = name(input).filter(|_| input.flag());
    terms.keys.push((b"another:key-of-the-laws".to_vec(), None));
    let (members, mut whole) = (terms.sender.envelope.id_pointers().len(), serde_json::Map::new());
    let mut raws = Vec::new();
    for index in 0..members {
        let raw = id(input);
        whole.insert(index.to_string(), Value::from(format!("@{index}@")));
        raws.push(raw);
    }
    whole.insert("x".into(), String::from_utf8_lossy(input.chunk()).into());
    let text = Value::from(whole).to_string();
    let fill = |text: String, (index, raw): (usize, &String)| text.replacen(&format!("\"@{index}@\""), raw, 1);
    let body = raws.iter().enumerate().fold(text, fill).into_bytes();
    Some(Parts { terms, body })
}

/// A sender of any name, with an id of 0 to 4 members.
fn sender(input: &mut Input<'_>) -> Option<Sender> {
    let mut sender = senders::AGILED;
    sender.name = name(input)?.into();
    let members = input.below(5);
    let pointers: Vec<Cow<'static, str>> = (0..members).map(|index| Cow::Owned(format!("/{index}"))).collect();
    sender.envelope.id = (members > 0).then_some(IdSource::Body(pointers.into()));
    sender.envelope.event_type = None;
    sender.envelope.data = None;
    sender.scheme.unsigned =
        UnsignedHeaders { event: Some(Cow::Borrowed("X-Event")), id: Some(Cow::Borrowed("X-Event-Id")) };
    Some(sender)
}

/// One that a verifier takes.
fn name(input: &mut Input<'_>) -> Option<String> {
    let text = match input.below(3) {
        0 => (*input.pick(&["a", "ab", "b", "text", "body", "shop"])).to_owned(),
        _ => String::from_utf8(input.chunk().to_vec()).ok()?,
    };
    ((1..=255).contains(&text.len()) && !text.chars().any(char::is_control)).then_some(text)
}

/// The JSON text of an id that can be a key.
fn id(input: &mut Input<'_>) -> String {
    let text = match input.below(4) {
        0 => return input.number().to_string(),
        1 => return format!("-{}", input.byte()),
        2 => (*input.pick(&["1", "0", "-1", "[\"a\",\"b\"]", "a\",\"b", "\\", "é", "[1,2]"])).to_owned(),
        _ => String::from_utf8_lossy(input.chunk()).into_owned(),
    };
    let text: String = text.chars().filter(|char| !char.is_control() && *char != '{').collect();
    Value::from(if text.is_empty() { "evt".to_owned() } else { text }).to_string()
}

fn deliver(parts: &Parts) -> Option<Delivery> {
    let stamp = request::written(&parts.terms, noon());
    let right = Request::signed(&parts.terms, KEY, &stamp, &parts.body).expect("plain text stands in a header");
    law::agree(&parts.terms, &right.headers, &parts.body, noon()).ok()
}

/// Another attempt at the same event.
fn signed_anew(input: &mut Input<'_>, parts: &Parts) -> Delivery {
    let later = noon() + Duration::from_secs(u64::from(input.byte()));
    let secret = *input.pick(&[KEY, b"another:key-of-the-laws"]);
    let mut terms = parts.terms.clone();
    // What was the other's is nobody's now, and the order is another.
    terms.keys.retain(|(key, _)| key == secret || input.flag());
    terms.keys.reverse();
    let mut right = Request::signed(&terms, secret, &request::written(&terms, later), &parts.body).expect("plain text");
    let name = Request::signature_name(&terms).expect("it is signed");
    if input.flag() {
        let upper = HeaderValue::from_bytes(&right.signature.to_ascii_uppercase()).expect("hex digits");
        right.headers.insert(name, upper);
    }
    for name in ["x-event", "x-event-id", "x-agiled-webhook-id"] {
        if let Ok(value) = HeaderValue::from_bytes(input.chunk()) {
            right.headers.insert(name, value);
        }
    }
    assert!(matches!(terms.sender.scheme.timestamp(), Some(TimestampSource::Header { .. })));
    law::agree(&terms, &right.headers, &parts.body, later).unwrap_or_else(|code| panic!("{code}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Id;

    #[test]
    fn kinds_are_parts_of_a_key() {
        let terms = Terms::of(&senders::HANDL);
        let key = |id| model::key::key(&terms, Some(&id), b"");
        let ids = [Id::Text("1".into()), Id::Integer("1".into()), Id::Composite("1".into())];
        let keys = ids.map(key);
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    }
}
