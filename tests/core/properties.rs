//! What holds for every bit of the examples. What holds for any request is in `counterfoil-properties`.

use counterfoil_tests::Example;
use http::HeaderValue;

#[test]
fn any_flipped_bit_of_an_example_is_refused() {
    for example in Example::all() {
        let (verifier, headers, sender) = (example.verifier(), example.headers(), example.wire.sender);
        let verify = |headers: &http::HeaderMap, body: &[u8]| {
            verifier.verify_at(headers, body.to_vec(), example.now).map_err(|rejection| rejection.kind().code())
        };
        for bit in 0..example.body.len() * 8 {
            let outcome = verify(&headers, &flipped(&example.body, bit));
            assert_eq!(outcome.unwrap_err(), "signature_mismatch", "{sender}: bit {bit} of the body");
        }
        let right = verify(&headers, &example.body).unwrap();
        let header = |name: &'static str, refusals: &[&str]| {
            let value = headers[name].as_bytes();
            for bit in 0..value.len() * 8 {
                // What no parser lets through cannot be sent.
                let Ok(changed) = HeaderValue::from_bytes(&flipped(value, bit)) else { continue };
                let mut headers = headers.clone();
                headers.insert(name, changed.clone());
                match verify(&headers, &example.body) {
                    Err(code) => assert!(refusals.contains(&code), "{sender}: {changed:?} is {code}"),
                    Ok(delivery) => {
                        let same = name == example.wire.signature && is_other_case_of_a_digit(example, value, bit);
                        assert!(same && delivery.key() == right.key(), "{sender}: {changed:?} was accepted");
                    }
                }
            }
        };
        header(example.wire.signature, &["signature_mismatch", "signature_malformed"]);
        if let Some((name, _)) = example.wire.timestamp {
            header(name, &["signature_mismatch", "timestamp_malformed"]);
        }
    }
}

/// Hex digits of either case are one tag.
fn is_other_case_of_a_digit(example: &Example, value: &[u8], bit: usize) -> bool {
    let place = bit / 8;
    place >= example.wire.prefix.len() && value[place].is_ascii_lowercase() && bit % 8 == 5
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}
