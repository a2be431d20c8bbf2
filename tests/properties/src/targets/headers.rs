//! Any headers beside those of a delivery that is in order: doubled, of any bytes, of odd names.

use http::{HeaderName, HeaderValue};

use crate::input::Input;
use crate::law;
use crate::model;
use crate::request::{Request, header};
use crate::terms::{SENDERS, Terms, noon};

/// For every sender, and any headers put in, doubled, changed or taken away, the verdict is that of the model; and no
/// header outside the signature changes the key.
pub fn headers(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let terms = Terms::of(input.pick(&SENDERS));
    let right = Request::valid(&terms, noon());
    let mut headers = right.headers.clone();
    let names = names(&terms);
    for _ in 0..1 + input.below(6) {
        let Some(name) = name(&mut input, &names) else { continue };
        let kind = input.below(6);
        let own = right.headers.get(&name).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
        let value = match kind {
            0 => {
                headers.remove(&name);
                continue;
            }
            1 => own,
            2 => input.edited(&own),
            3 => b"order.paid".to_vec(),
            4 => input.chunk().repeat(1 + input.below(30)),
            _ => input.chunk().to_vec(),
        };
        // What cannot stand in a header cannot be sent.
        let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
        if input.flag() {
            headers.append(name, value);
        } else {
            headers.insert(name, value);
        }
    }
    if let Ok(delivery) = law::agree(&terms, &headers, &right.body, noon()) {
        let first = law::agree(&terms, &right.headers, &right.body, noon()).expect("the request is in order");
        assert_eq!(delivery.key(), first.key(), "an unsigned header is part of the key");
        assert_eq!(delivery.event_id(), first.event_id());
    }
}

/// The headers that the sender's data names.
fn names(terms: &Terms) -> Vec<HeaderName> {
    let scheme = &terms.sender.scheme;
    let signed = scheme.hmac().into_iter().flat_map(|hmac| model::header_parts(hmac).map(|(_, name)| name));
    let stamp = match scheme.timestamp() {
        Some(counterfoil::scheme::TimestampSource::Header { name, .. }) => Some(&**name),
        _ => None,
    };
    let unsigned = [scheme.unsigned.event.as_deref(), scheme.unsigned.id.as_deref()];
    signed.chain(scheme.header()).chain(stamp).chain(unsigned.into_iter().flatten()).map(header).collect()
}

fn name(input: &mut Input<'_>, names: &[HeaderName]) -> Option<HeaderName> {
    match input.below(4) {
        0 => HeaderName::from_bytes(input.chunk()).ok(),
        1 => Some(header(input.pick::<&str>(&[
            "content-type",
            "host",
            "x-forwarded-for",
            "transfer-encoding",
            "cookie",
            "x-a",
        ]))),
        _ if names.is_empty() => None,
        _ => Some(input.pick(names).clone()),
    }
}
