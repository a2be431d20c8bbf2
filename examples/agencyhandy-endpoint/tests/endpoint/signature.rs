//! What the stand-in's own signature depends on.

use agencyhandy_endpoint::sign;

use crate::signature;

#[test]
fn the_same_value_has_the_same_signature() {
    for same in [
        vec!["{}", " {\r\n\t} "],
        vec![r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, r#"{"b":3,"a":1,"b":2}"#, r#"{"\u0061":1,"b":2}"#],
        vec![r#"{"n":1}"#, r#"{"n":1.0}"#, r#"{"n":1e0}"#, r#"{"n":0.1E+1}"#, r#"{"n":100e-2}"#],
        vec![r#"{"n":0}"#, r#"{"n":-0}"#, r#"{"n":-0.0}"#, r#"{"n":0e9}"#],
        // serde_json without `float_roundtrip` makes two doubles of these.
        vec![r#"{"n":3997556048239312e-7}"#, r#"{"n":39975560482393120000e-11}"#],
        vec![r#"{"n":9007199254740993}"#, r#"{"n":9007199254740992}"#],
        vec![r#"{"s":"/é😀\n"}"#, r#"{"s":"\/\u00e9\ud83d\ude00\u000a"}"#],
        vec![r#"{"s":"\ud800"}"#, r#"{"s":"\uD800"}"#],
    ] {
        for other in &same {
            assert_eq!(signature(other), signature(same[0]), "{other}");
        }
    }
}

#[test]
fn every_other_value_has_another_signature() {
    let bodies = [
        "{}",
        r#"{"":null}"#,
        r#"{"a":null}"#,
        r#"{"a":true}"#,
        r#"{"a":false}"#,
        r#"{"a":"true"}"#,
        r#"{"a":1}"#,
        r#"{"a":-1}"#,
        r#"{"a":"1"}"#,
        r#"{"a":[]}"#,
        r#"{"a":{}}"#,
        r#"{"a":[[]]}"#,
        r#"{"a":[[],[]]}"#,
        r#"{"a":[[[]]]}"#,
        r#"{"a":[[[[]]]]}"#,
        // As a double this is the bytes `[[[[]]]]`.
        r#"{"a":1.2136247134620842e+132}"#,
        r#"{"a":[1,2]}"#,
        r#"{"a":[2,1]}"#,
        r#"{"a":["ab"]}"#,
        r#"{"a":["a","b"]}"#,
        r#"{"a":"b","c":"d"}"#,
        r#"{"a":"b\"1:c\"1:d"}"#,
        r#"{"a":"b\"c\"d"}"#,
        r#"{"a":"b\":c\":d"}"#,
        r#"{"a":{"b":1}}"#,
        r#"{"a":{},"b":1}"#,
        r#"{"a":{"b":"c"},"d":1}"#,
        r#"{"a":"b","c":{},"d":1}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"a":"\ufffd"}"#,
        r#"{"a":"e\u0301"}"#,
        r#"{"a":"\u00e9"}"#,
    ];
    let mut signatures: Vec<_> = bodies.into_iter().map(signature).collect();
    signatures.sort();
    signatures.dedup();
    assert_eq!(signatures.len(), bodies.len());
}

#[test]
fn the_secret_decides_and_may_be_any_text() {
    let signatures = ["", "a", "b", "a ", &"k".repeat(1000)].map(|secret| sign(secret, b"{}").unwrap());
    for (index, signature) in signatures.iter().enumerate() {
        assert!(!signatures[..index].contains(signature));
        let hex = signature.strip_prefix("stand-in-").unwrap();
        assert_eq!((hex.len(), hex.trim_matches(|c: char| c.is_ascii_hexdigit())), (64, ""));
    }
}

#[test]
fn only_one_json_object_can_be_signed() {
    let deep = |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels)).into_bytes();
    assert!(sign("s", &deep(127)).is_ok());
    for wrong in
        [&b""[..], b"1", b"[]", b"null", b"{", b"{}{}", b"{}x", b"\xef\xbb\xbf{}", b"{\"\xff\":1}", b"{\"a\":01}"]
    {
        assert!(sign("s", wrong).is_err(), "{wrong:?}");
    }
    assert!(sign("s", &deep(128)).is_err());
    assert!(sign("s", &deep(100_000)).is_err());
}
