//! Any text as a file of senders.

use counterfoil::scheme::Sender;
use counterfoil::time::TimestampFormat;
use counterfoil::{Verifier, senders};

use crate::input::Input;
use crate::law;
use crate::model;
use crate::request::{Request, written};
use crate::terms::{KEY, Terms, noon};

/// What somebody puts where the file has no place for a secret.
const SECRET: &str = "whsec_c2VjcmV0IGluIGEgZmlsZQ";

/// Any text is senders that can be verified for, or an error that says where; and an error does not repeat what may be
/// a secret.
pub fn sender_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match senders::from_toml(&text) {
        Ok(read) => {
            for (index, sender) in read.iter().enumerate() {
                assert!(read[..index].iter().all(|other| other.name != sender.name), "{}: twice", sender.name);
                works(sender, bytes);
            }
            let again = senders::from_toml(&text).expect("it could be read");
            assert_eq!(format!("{again:?}"), format!("{read:?}"));
        }
        Err(error) => {
            let lines = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
            assert!(error.line().is_none_or(|line| (1..=lines).contains(&line)), "{error} in {lines} lines");
            assert!(!error.reason().is_empty());
            assert_eq!(senders::from_toml(&text).err(), Some(error));
        }
    }
    tells_no_secret(&text);
}

/// A verifier of it builds, and judges as the model does.
fn works(sender: &Sender, bytes: &[u8]) {
    let terms = Terms::of(sender);
    let verifier = terms.verifier();
    let shown = format!("{verifier:?} {sender:?}");
    assert!(!shown.contains(std::str::from_utf8(KEY).expect("text")));
    let right = Request::valid(&terms, noon());
    let _ = law::agree_with(&terms, &verifier, &right.headers, &right.body, noon());
    nothing_slides(&terms, &verifier);
    let mut input = Input::new(bytes);
    let changed = input.edited(&right.body);
    let _ = law::agree_with(&terms, &verifier, &right.headers, &changed, noon());
    if let Some(anew) = Request::signed(&terms, KEY, &written(&terms, noon()), &changed) {
        let _ = law::agree_with(&terms, &verifier, &anew.headers, &changed, noon());
    }
}

/// Bytes that move from one part of a request to the next leave what is signed as it is. None may be accepted so.
fn nothing_slides(terms: &Terms, verifier: &Verifier) {
    let stamp = written(terms, noon());
    if terms.format() == Some(TimestampFormat::UnixOrRfc3339) {
        // The same time in either width.
        nothing_slides_from(terms, verifier, &[&stamp[..], b"000"].concat());
    }
    nothing_slides_from(terms, verifier, &stamp);
}

fn nothing_slides_from(terms: &Terms, verifier: &Verifier, stamp: &[u8]) {
    let (id, body) = (b"msg_1".to_vec(), br#"{"id":"1"}"#.to_vec());
    let Some(hmac) = terms.sender.scheme.hmac() else { return };
    let headers = model::header_parts(hmac).count();
    let content = |stamp: &[u8], id: &[u8], body: &[u8]| {
        model::signed_content(terms, hmac, stamp, &vec![id.to_vec(); headers], body)
    };
    let whole = content(stamp, &id, &body);
    let mut others = Vec::new();
    for count in 0..=3 {
        let (left, right) = (&body[..count], &body[count..]);
        others.push(([stamp, left].concat(), id.clone(), right.to_vec()));
        others.push((stamp.to_vec(), [&id, left].concat(), right.to_vec()));
        others.push((stamp.to_vec(), [&id, &b"."[..], left].concat(), right.to_vec()));
        let at = stamp.len().saturating_sub(count);
        others.push((stamp[..at].to_vec(), id.clone(), [&stamp[at..], &body].concat()));
        let at = id.len() - count;
        others.push((stamp.to_vec(), id[..at].to_vec(), [&id[at..], &body].concat()));
    }
    for (other_stamp, other_id, other_body) in others {
        // Only what is on the wire makes another request.
        let other =
            (terms.stamps_head() && other_stamp != stamp) || (headers > 0 && other_id != id) || other_body != body;
        let (stamp, id, body) = (other_stamp, other_id, other_body);
        if other && content(&stamp, &id, &body) == whole {
            let id = String::from_utf8(id).expect("text");
            let Some(slid) = Request::signed_with(terms, KEY, &stamp, &id, &body) else { continue };
            let verdict = verifier.verify_at(&slid.headers, body, noon());
            assert!(verdict.is_err(), "{}: bytes slide from one part to another", terms.sender.name);
        }
    }
}

/// A secret in the place of its encoding, of a name, or of anything else that is looked at.
fn tells_no_secret(text: &str) {
    let head = "\n[[sender]]\nname = \"till\"\nkind = \"hmac\"\n";
    let signature = "signature = { header = \"X-Till\", encoding = \"hex\" }\n";
    for place in [
        format!("{head}{signature}secret = \"{SECRET}\"\n"),
        format!("{head}{signature}secret = [\"{SECRET}\"]\n"),
        format!("{head}{signature}secret = \"{SECRET}\n"),
        format!("{head}{signature}secret = {SECRET}\n"),
        format!("{head}{signature}key = \"{SECRET}\"\n"),
        format!("{head}signature = {{ header = \"X-Till\", encoding = \"hex\", secret = \"{SECRET}\" }}\n"),
        format!("{head}signature = \"{SECRET}\"\n"),
        format!("\n[[sender]]\nname = \"till\"\nkind = \"token\"\ntoken = \"{SECRET}\"\n"),
    ] {
        for whole in [place.clone(), format!("{text}{place}")] {
            let Err(error) = senders::from_toml(&whole) else { continue };
            assert!(!format!("{error} {error:?}").contains(SECRET), "a secret is shown for {place}");
        }
    }
}
