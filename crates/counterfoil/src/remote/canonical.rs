//! JSON as a sender's endpoint sees it: parsed. What means the same must be the same event.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{self, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;

use crate::Rejection;
use crate::event::decode_string;

/// The one text of everything that means what `body` means (RFC 8785): members in order, no white space, numbers and
/// strings in one form. `body` has passed the [`check`].
pub(crate) fn canonical(body: &[u8]) -> Result<Vec<u8>, Rejection> {
    let text = std::str::from_utf8(body).map_err(|_| refused())?;
    let value = Value::read(text.trim_ascii()).ok_or_else(refused)?;
    serde_json_canonicalizer::to_vec(&value).map_err(|_| refused())
}

/// A value, read from its own text. The JSON crate's own type would not do: features that others switch on change how
/// it reads numbers, and members of certain names are special to it.
enum Value<'a> {
    Null,
    Bool(bool),
    Number(f64),
    Text(Cow<'a, str>),
    List(Vec<&'a RawValue>),
    Object(Vec<(Cow<'a, str>, &'a RawValue)>),
}

impl<'a> Value<'a> {
    fn read(text: &'a str) -> Option<Self> {
        match text.as_bytes().first()? {
            b'{' => serde_json::Deserializer::from_str(text).deserialize_map(Members).ok().map(Self::Object),
            b'[' => serde_json::from_str(text).ok().map(Self::List),
            b'"' => decode_string(text).map(Self::Text),
            b't' => Some(Self::Bool(true)),
            b'f' => Some(Self::Bool(false)),
            b'n' => Some(Self::Null),
            _ => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Self::Number),
        }
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn read<E: ser::Error>(raw: &RawValue) -> Result<Value<'_>, E> {
            Value::read(raw.get()).ok_or_else(|| E::custom("a value out of range"))
        }
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(elements) => {
                let mut list = serializer.serialize_seq(Some(elements.len()))?;
                elements.iter().try_for_each(|element| list.serialize_element(&read::<S::Error>(element)?))?;
                list.end()
            }
            Self::Object(members) => {
                let mut object = serializer.serialize_map(Some(members.len()))?;
                members
                    .iter()
                    .try_for_each(|(name, member)| object.serialize_entry(name, &read::<S::Error>(member)?))?;
                object.end()
            }
        }
    }
}

/// The members of an object, each with its text.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key_seed(Name)? {
            members.push((name, map.next_value()?));
        }
        Ok(members)
    }
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
        while let Some(name) = map.next_key_seed(Name)? {
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
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

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
        let numbers = r#"{"b":-0,"a":[true,false,1e21,0.1,9007199254740993]}"#;
        assert_eq!(form(numbers), r#"{"a":[true,false,1e+21,0.1,9007199254740992],"b":0}"#);
    }

    #[test]
    fn no_member_name_is_special() {
        let form = |body: &str| String::from_utf8(canonical(body.as_bytes()).unwrap()).unwrap();
        for name in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
            let body = format!(r#"{{"a":{{"{name}":"[1]"}}}}"#);
            assert!(check(body.as_bytes()).is_ok());
            assert_eq!(form(&body), body);
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
            "{\"a\":\"\\ud800\"}",
        ] {
            assert!(check(body.as_bytes()).is_err(), "{body:?}");
        }
        assert!(check(b"{\"a\":\"\xff\"}").is_err());
        assert!(canonical(b"{\"a\":1e999}").is_err(), "no double is that large");
        let deep = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(check(deep(127).as_bytes()).is_ok());
        assert!(check(deep(128).as_bytes()).is_err());
        assert!(canonical(deep(127).as_bytes()).is_ok());
    }
}
