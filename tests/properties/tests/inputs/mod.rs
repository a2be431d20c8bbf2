//! Inputs that are near to something.

mod json;
mod toml;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Inputs for a target: its corpus edited, bytes of its form, and bytes of none.
pub(crate) fn of(name: &str, corpus: Vec<Vec<u8>>) -> BoxedStrategy<Vec<u8>> {
    let of_form = match name {
        "event" | "differential" | "remote" => text_and_choices().boxed(),
        "sender_file" => toml::file().prop_map(String::into_bytes).boxed(),
        _ => bytes().boxed(),
    };
    prop_oneof![1 => bytes(), 2 => edited(corpus), 5 => of_form].boxed()
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![3 => 0..8_u8, 2 => any::<u8>(), 1 => b' '..=b'~'], 0..300)
}

/// A body, choices, and how many there are.
fn text_and_choices() -> impl Strategy<Value = Vec<u8>> {
    let choices = vec(prop_oneof![0..8_u8, any::<u8>()], 0..120);
    (json::body(), choices).prop_map(|(text, choices)| {
        let count = u16::try_from(choices.len()).unwrap().to_be_bytes();
        [&text[..], &choices, &count].concat()
    })
}

/// Some of the fuzzer's inputs, bytes of them overwritten, removed or added.
fn edited(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<Index>(), 0..4_usize, vec(any::<u8>(), 0..4));
    (select(corpus), vec(edit, 0..5)).prop_map(|(bytes, edits)| {
        edits.into_iter().fold(bytes, |mut bytes, (place, length, added)| {
            let start = place.index(bytes.len() + 1);
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, added);
            bytes
        })
    })
}
