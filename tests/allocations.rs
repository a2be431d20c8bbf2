//! Between the head of a request and the verdict on its signature nothing is allocated, so that strangers
//! cannot make a receiver do more than hash.

use std::hint::black_box;

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use counterfoil::Verifier;
use counterfoil::verifier::Verified;
use counterfoil_tests::{Example, secret};
use http::{HeaderMap, HeaderValue};

/// The example's verifier with `count` secrets, of which its own is the last.
fn verifier(example: &Example, count: usize) -> Verifier {
    let others = ["first_secret_0001", "second_secret_002", "third_secret_0003"];
    let builder = others[..count - 1].iter().fold(example.builder(), |builder, text| builder.secret(secret(text)));
    builder.secret(secret(&example.secret)).build().expect("a verifier")
}

/// The headers as a server reads them: slices of one buffer.
fn read_by_a_server(headers: &HeaderMap) -> HeaderMap {
    let mut buffer = BytesMut::new();
    headers.values().for_each(|value| buffer.extend_from_slice(value.as_bytes()));
    let mut buffer = buffer.freeze();
    let mut slice =
        |value: &HeaderValue| HeaderValue::from_maybe_shared(buffer.split_to(value.len())).expect("a value");
    headers.iter().map(|(name, value)| (name.clone(), slice(value))).collect()
}

/// The example with every header that the sender sends.
fn whole(example: &Example, signing: &str) -> HeaderMap {
    let mut headers = example.signed(signing, &example.stamp, &example.body);
    if let Some(event) = example.wire.event {
        headers.insert(event, example.event_type.parse().expect("a value"));
    }
    if let Some(id) = example.wire.id {
        headers.insert(id, "42".parse().expect("a value"));
    }
    headers
}

fn allocations(run: impl FnOnce()) -> u64 {
    measure(run).count_total
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(Box::new(1_u8)))), 1);
    let headers = whole(&Example::all()[0], "any_secret_000001");
    assert!(allocations(|| drop(black_box(headers.clone()))) > 0);
}

#[test]
fn a_request_with_a_wrong_signature_allocates_nothing_at_all() {
    for example in Example::all() {
        for count in [1, 4] {
            let verifier = verifier(example, count);
            let headers = read_by_a_server(&whole(example, "not_an_active_one"));
            let body = example.body.clone();
            let allocated = allocations(|| {
                let mut presented = verifier.present(&headers, example.now).expect("a head in order");
                presented.push(body);
                let refused = presented.finish(&headers, example.now).expect_err("a wrong signature");
                assert_eq!(refused.kind().code(), "signature_mismatch");
            });
            assert_eq!(allocated, 0, "{} with {count} secrets", example.wire.sender);
        }
    }
}

#[test]
fn a_request_with_a_right_signature_allocates_nothing_before_its_verdict() {
    for example in Example::all() {
        for count in [1, 4] {
            let verifier = verifier(example, count);
            let headers = read_by_a_server(&whole(example, &example.secret));
            let mut presented = None;
            let body = example.body.clone();
            let allocated = allocations(|| {
                let mut begun = verifier.present(&headers, example.now).expect("a head in order");
                begun.push(body);
                presented = Some(begun);
            });
            assert_eq!(allocated, 0, "{} with {count} secrets", example.wire.sender);
            let verified = presented.expect("measured").finish(&headers, example.now);
            assert!(matches!(verified, Ok(Verified::Fresh(_))), "{}", example.wire.sender);
        }
    }
}

#[test]
fn headers_that_own_their_text_allocate_nothing_either() {
    for example in Example::all() {
        let verifier = verifier(example, 1);
        let headers = whole(example, "not_an_active_one");
        let body = example.body.clone();
        let allocated = allocations(|| {
            let mut presented = verifier.present(&headers, example.now).expect("a head in order");
            presented.push(body);
            presented.finish(&headers, example.now).expect_err("a wrong signature");
        });
        assert_eq!(allocated, 0, "{}", example.wire.sender);
    }
}

#[test]
fn a_refused_head_allocates_nothing() {
    for example in Example::all() {
        let verifier = verifier(example, 4);
        let headers = whole(example, &example.secret);
        let mut heads = vec![("signature_missing", HeaderMap::new())];
        let mut with = |code, name: &'static str, value: Option<&str>| {
            let mut headers = headers.clone();
            match value {
                Some(text) => headers.insert(name, text.parse().expect("a value")),
                None => headers.remove(name),
            };
            heads.push((code, headers));
        };
        with("signature_malformed", example.wire.signature, Some("x"));
        if let Some((header, _)) = example.wire.timestamp {
            with("timestamp_missing", header, None);
            with("timestamp_malformed", header, Some("soon"));
        }
        for name in [Some(example.wire.signature), example.wire.timestamp.map(|(header, _)| header)] {
            let Some(name) = name else { continue };
            let mut doubled = headers.clone();
            doubled.append(name, headers[name].clone());
            let code = if name == example.wire.signature { "signature_repeated" } else { "timestamp_repeated" };
            heads.push((code, doubled));
        }
        for (code, headers) in heads {
            let refuse = || {
                let refused = verifier.present(&headers, example.now).expect_err("refused");
                assert_eq!(refused.kind().code(), code, "{}", example.wire.sender);
            };
            // A header's name becomes shared when it is first copied, once in a verifier's life.
            refuse();
            assert_eq!(allocations(refuse), 0, "{} {code}", example.wire.sender);
        }
    }
}

#[test]
fn a_body_in_many_frames_allocates_only_the_buffer_that_keeps_it() {
    const FRAMES: usize = 64;
    let body = Bytes::from(vec![b' '; 1 << 20]);
    let frame = body.len() / FRAMES;
    for example in Example::all() {
        let verifier = verifier(example, 4);
        let headers = read_by_a_server(&whole(example, &example.secret));
        let allocated = allocations(|| {
            let mut presented = verifier.present(&headers, example.now).expect("a head in order");
            (0..FRAMES).for_each(|index| presented.push(body.slice(index * frame..(index + 1) * frame)));
            presented.finish(&headers, example.now).expect_err("another body");
        });
        // The buffer doubles as it grows: six times from the first frame, and once to begin with.
        assert!(allocated <= 8, "{}: {allocated}", example.wire.sender);
    }
}
