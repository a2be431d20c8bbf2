//! JSON as a sender's endpoint sees it: parsed. What means the same must be the same event.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::Rejection;

/// The one text of everything that means what `body` means (RFC 8785): members in order, no white space, numbers and
/// strings in one form.
pub(crate) fn canonical(body: &[u8]) -> Result<Vec<u8>, Rejection> {
    let value: serde_json::Value = serde_json::from_slice(body).map_err(|_| refused())?;
    serde_json_canonicalizer::to_vec(&value).map_err(|_| refused())
}

/// Checks that `body` is one JSON object in which no member name repeats, at any depth: readers disagree on which of
/// two members counts, so that the endpoint could prove one event and we could handle another.
pub(super) fn check(body: &[u8]) -> Result<(), Rejection> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let object = body.trim_ascii_start().starts_with(b"{");
    let read = Unique.deserialize(&mut json).and_then(|()| json.end());
    if object { read.map_err(|_| refused()) } else { Err(refused()) }
}

fn refused() -> Rejection {
    Rejection::BodyNotAnObject { expected: "one JSON object, at most 127 deep, in which no member name repeats" }
}

/// A value without repeated names.
struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(Name(name)) = map.next_key()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a member name repeats"));
            }
            map.next_value_seed(Self)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A member's name with its escapes decoded, borrowed where it has none.
#[derive(serde::Deserialize, PartialEq, Eq, Hash)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_has_one_form() {
        let form = |body: &str| String::from_utf8(canonical(body.as_bytes()).unwrap()).unwrap();
        let one = form(r#"{"a":1,"b":["é",{"c":null}]}"#);
        for same in [
            r#" { "b" : [ "é" , { "c" : null } ] , "a" : 1 } "#,
            r#"{"a":1.0,"b":["\u00e9",{"c":null}]}"#,
            r#"{"a":1e0,"b":["\u00E9",{"\u0063":null}]}"#,
            r#"{"\u0062":["é",{"c":null}],"a":10e-1}"#,
        ] {
            assert_eq!(form(same), one, "{same}");
        }
        for other in [r#"{"a":"1","b":["é",{"c":null}]}"#, r#"{"a":1,"b":[{"c":null},"é"]}"#, r#"{"a":1}"#] {
            assert_ne!(form(other), one, "{other}");
        }
    }

    #[test]
    fn repeated_names_are_refused_at_any_depth() {
        for body in
            [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"x":[0,{"y":{"b":1,"c":2,"b":3}}]}"#, r#"{"":1,"":2}"#]
        {
            assert!(check(body.as_bytes()).is_err(), "{body}");
        }
        assert!(check(br#"{"a":{"a":[{"a":1},{"a":2}]},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn nothing_but_one_json_object_can_be_spliced_into_a_request() {
        for body in [
            "",
            "[]",
            "1",
            "{}{}",
            "{}}",
            "{},\"secret\":\"x\"",
            "{\"a\":1}}",
            "\u{feff}{}",
            "{\"a\":\"\n\"}",
            "{\"a\":01}",
            "{\"a\":1e999}",
            "{\"a\":\"\\ud800\"}",
        ] {
            assert!(check(body.as_bytes()).is_err(), "{body:?}");
        }
        assert!(check(b"{\"a\":\"\xff\"}").is_err());
        let deep = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(check(deep(127).as_bytes()).is_ok());
        assert!(check(deep(128).as_bytes()).is_err());
        assert!(canonical(deep(127).as_bytes()).is_ok());
    }
}
