//! Files of senders: fields right and wrong, in any order.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const FIELDS: [&str; 43] = [
    "timestamp = { header = \"X-T\", format = \"unix_or_rfc3339\" }\nsigned = [\"timestamp\", \"body\"]\nbody = \"opaque\"",
    "kind = \"token\"\ntoken = { header = \"X-Token\" }",
    "kind = \"token\"\ntoken = { header = \"Authorization\", prefix = \"Basic \", encoding = \"base64\" }",
    "kind = \"insecure_unsigned\"",
    "hash = \"sha512\"",
    "hash = \"insecure_sha1\"",
    "secret = \"whsec\"",
    "secret = \"hex\"",
    "secret = \"base64\"",
    "signature = { header = \"X-S\", prefix = \"v1=\", encoding = \"hex\", separator = \",\" }",
    "signature = { header = \"X-S\", encoding = \"base64\" }",
    "signature = { header = \"X-S\", prefix = \"v1 \", encoding = \"base64url\", separator = \";\" }",
    "signature = { header = \"X S\", encoding = \"hex\" }",
    "timestamp = { header = \"X-T\", format = \"unix_seconds\" }",
    "timestamp = { header = \"X-S\", format = \"unix_seconds\" }",
    "timestamp = { entry = \"t=\", format = \"unix_or_rfc3339\" }",
    "timestamp = { body = \"/t\", format = \"rfc3339\" }",
    "timestamp = { body = \"/t/u\", format = \"site_unix_seconds\" }",
    "signed = [\"timestamp\", { literal = \".\" }, \"body\"]",
    "signed = [{ header = \"X-Id\" }, { literal = \"--\" }, \"timestamp\", { literal = \".\" }, \"body\"]",
    "signed = [{ header = \"X-Id\" }, { literal = \".\" }, \"body\"]",
    "signed = [\"body\", { literal = \".\" }, { header = \"X-Id\" }, { literal = \"..\" }, { header = \"X-Other\" }]",
    "signed = [\"method\", \"url\", { literal = \"\\n\" }, \"path\", \"body\"]",
    "signed = [\"body\", \"timestamp\"]",
    "signed = [\"timestamp\", \"body\"]",
    "body = \"opaque\"",
    "body = \"json\"",
    "id = \"/id\"",
    "id = [\"/id\", \"/a/b\", \"/a~1b\"]",
    "id = { header = \"X-Id\" }",
    "event_type = \"/type\"",
    "event_type = \"type\"",
    "occurred_at = \"/a/t\"",
    "data = \"/a\"",
    "data = \"/id/x\"",
    "unsigned = { event = \"X-Event\", id = \"X-Id\" }",
    "unsigned = { event = \"X-S\" }",
    "challenge = { body = \"/challenge\", when = { at = \"/type\", is = \"order.paid\" } }",
    "challenge = { query = \"c\" }",
    "deadline = 0",
    "retries = [1, 18446744073709551615]",
    "retry_safe = 900",
    "events = [\"a\", \"a\"]",
];

pub(crate) fn file() -> impl Strategy<Value = String> {
    let junk = prop_oneof![8 => Just(String::new()), 1 => "\\PC{0,20}", 1 => "[a-z= \"\\[\\]{}\n]{0,30}"];
    (vec(table(), 0..3), junk).prop_map(|(tables, junk)| format!("{}{junk}", tables.concat()))
}

/// One sender, most of them with the fields that each needs.
fn table() -> impl Strategy<Value = String> {
    let usual = [
        ("kind", "kind = \"hmac\""),
        ("signature", "signature = { header = \"X-S\", encoding = \"hex\" }"),
        ("[[sender]]", "[[sender]]"),
    ];
    ("[a-z]{1,3}", vec(select(FIELDS.to_vec()), 0..6), 0..10_u8).prop_map(move |(name, fields, left_out)| {
        let mut lines = vec![format!("name = \"{name}\"")];
        lines.extend(fields.iter().flat_map(|field| field.lines()).map(str::to_owned));
        for (index, (key, line)) in usual.iter().enumerate() {
            let there = lines.iter().any(|line| line.starts_with(key));
            if !there && usize::from(left_out) != index {
                lines.insert(0, (*line).to_owned());
            }
        }
        // Two of one key are an error of the file, and hide every other.
        let mut keys = Vec::new();
        lines.retain(|line| {
            let key = line.split(' ').next().map(str::to_owned);
            let first = !keys.contains(&key);
            keys.push(key);
            first || left_out == 9
        });
        lines.join("\n") + "\n"
    })
}
