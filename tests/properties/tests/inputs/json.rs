//! Bodies: JSON with the sender's freedom to write it, and what is nearly JSON.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn space() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,2}"
}

fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        "\"(\\\\u00[0-9a-f]{2}|\\\\/|\\\\n|[a-z]){0,12}\"",
        select(vec!["\"\"", "\"\\ud800\"", "\"\\u0000\"", "\"{webhook.id}\"", "\"2026-05-18T12:00:00Z\""])
            .prop_map(str::to_owned),
    ]
}

/// Any JSON value as text.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(vec!["null", "true", "false", "1779105600", "1779105600000", "1e999", "-0"]).prop_map(str::to_owned),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?",
        string(),
    ];
    leaf.prop_recursive(4, 40, 6, |value| {
        let member = (space(), string(), space(), value.clone())
            .prop_map(|(before, name, after, value)| format!("{before}{name}:{after}{value}"));
        prop_oneof![
            (vec(value, 0..6), space()).prop_map(|(values, space)| format!("[{space}{}]", values.join(","))),
            (vec(member, 0..6), space()).prop_map(|(members, space)| format!("{{{}{space}}}", members.join(","))),
        ]
    })
}

/// An object with the names that senders point at, some of them twice; or bytes that are none.
pub(crate) fn body() -> impl Strategy<Value = Vec<u8>> {
    let names = vec![
        "id",
        "\\u0069d",
        "event",
        "type",
        "timestamp",
        "created_at",
        "event_id",
        "data",
        "a",
        "b",
        "a/b",
        "",
        "m~n",
    ];
    let member =
        (select(names), space(), value()).prop_map(|(name, space, value)| format!("\"{name}\":{space}{value}"));
    let object = vec(member, 0..8).prop_map(|members| format!("{{{}}}", members.join(",")));
    prop_oneof![
        5 => object.prop_map(String::into_bytes),
        1 => (space(), value(), space()).prop_map(|(before, value, after)| format!("{before}{value}{after}").into_bytes()),
        1 => vec(any::<u8>(), 0..60),
        1 => "[{}\\[\\]\":,0-9a-z\\\\ \n\u{0}é]{0,60}".prop_map(String::into_bytes),
    ]
}
