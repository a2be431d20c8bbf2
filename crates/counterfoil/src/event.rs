//! Reading an event out of a body whose signature has been checked.
//!
//! One pass over the text finds the few members that the sender's envelope points at, borrowed from the
//! body; everything else is checked to be JSON and skipped. Nothing is read before the signature matches.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::ConfigError;
use crate::scheme::{BodyForm, Envelope, TimestampSource};

/// The longest id that becomes a key. Longer ones are no ids but content.
const MAX_EVENT_ID_BYTES: usize = 1024;

/// The longest event type that is kept: it ends up in logs and in the store's notes.
const MAX_EVENT_TYPE_BYTES: usize = 255;

/// An RFC 6901 pointer whose every token names a member of an object.
#[derive(Debug, Clone)]
pub(crate) struct Pointer {
    pub(crate) text: Arc<str>,
    tokens: Box<[Box<str>]>,
}

impl Pointer {
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let refuse = || ConfigError::Pointer { pointer: text.to_owned() };
        let rest = text.strip_prefix('/').ok_or_else(refuse)?;
        let token = |raw: &str| {
            let escapes = raw.split('~').skip(1);
            let valid = escapes.into_iter().all(|after| after.starts_with(['0', '1']));
            valid.then(|| raw.replace("~1", "/").replace("~0", "~").into_boxed_str())
        };
        let tokens = rest.split('/').map(token).collect::<Option<_>>().ok_or_else(refuse)?;
        Ok(Self { text: text.into(), tokens })
    }
}

/// What the envelope points at.
#[derive(Debug, Clone, Copy)]
enum Member {
    Id,
    EventType,
    SignedAt,
    OccurredAt,
    Data,
}

const MEMBERS: usize = 5;

impl Member {
    const fn index(self) -> usize {
        match self {
            Self::Id => 0,
            Self::EventType => 1,
            Self::SignedAt => 2,
            Self::OccurredAt => 3,
            Self::Data => 4,
        }
    }
}

/// A member as found in the body.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Found<'a> {
    #[default]
    Absent,
    Once(&'a str),
    /// Two members of one name: readers disagree on which one counts.
    Repeated,
}

impl<'a> Found<'a> {
    fn add(&mut self, raw: &'a str) {
        *self = match self {
            Self::Absent => Self::Once(raw),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }

    fn once(self) -> Option<&'a str> {
        match self {
            Self::Once(raw) => Some(raw),
            Self::Absent | Self::Repeated => None,
        }
    }

    /// The decoded text of a JSON string found exactly once.
    fn string(self) -> Option<Cow<'a, str>> {
        self.once().and_then(decode_string)
    }
}

/// Finds the envelope's members in a body.
#[derive(Debug)]
pub(crate) struct EventReader {
    form: BodyForm,
    pointers: [Option<Pointer>; MEMBERS],
}

/// The members of one body, borrowed from it.
#[derive(Debug, Default)]
pub(crate) struct Members<'a> {
    found: [Found<'a>; MEMBERS],
}

impl<'a> Members<'a> {
    fn get(&self, member: Member) -> Found<'a> {
        self.found[member.index()]
    }

    pub(crate) fn id(&self) -> Result<EventId, &'static str> {
        match self.get(Member::Id) {
            Found::Absent => Err("is missing"),
            Found::Repeated => Err("stands there twice"),
            Found::Once(raw) => EventId::read(raw),
        }
    }

    /// The event type as the body has it, of any length.
    pub(crate) fn event_type_text(&self) -> Option<Cow<'a, str>> {
        self.get(Member::EventType).string()
    }

    /// The event type; `None` where there is none, or none that is fit to be shown.
    pub(crate) fn event_type(&self) -> Option<Cow<'a, str>> {
        let fit = |text: &Cow<'_, str>| {
            !text.is_empty() && text.len() <= MAX_EVENT_TYPE_BYTES && !text.chars().any(char::is_control)
        };
        self.event_type_text().filter(fit)
    }

    pub(crate) fn signed_at(&self) -> Found<'a> {
        self.get(Member::SignedAt)
    }

    pub(crate) fn occurred_at(&self) -> Option<&'a str> {
        self.get(Member::OccurredAt).once()
    }

    pub(crate) fn data(&self) -> Option<&'a str> {
        self.get(Member::Data).once()
    }
}

impl EventReader {
    pub(crate) fn new(
        form: BodyForm,
        envelope: &Envelope,
        timestamp: Option<&TimestampSource>,
    ) -> Result<Self, ConfigError> {
        let parse = |pointer: Option<&Cow<'static, str>>| pointer.map(|text| Pointer::parse(text)).transpose();
        let signed_at = match timestamp {
            Some(TimestampSource::Body { pointer, .. }) => Some(pointer),
            _ => None,
        };
        let pointers = [
            parse(envelope.id.as_ref())?,
            parse(envelope.event_type.as_ref())?,
            parse(signed_at)?,
            parse(envelope.occurred_at.as_ref())?,
            parse(envelope.data.as_ref())?,
        ];
        if form == BodyForm::Opaque && pointers.iter().any(Option::is_some) {
            return Err(ConfigError::Scheme { reason: "nothing can be read from an opaque body: remove its pointers" });
        }
        Ok(Self { form, pointers })
    }

    pub(crate) fn id_pointer(&self) -> Option<&Pointer> {
        self.pointers[Member::Id.index()].as_ref()
    }

    pub(crate) fn signed_at_pointer(&self) -> Option<&Pointer> {
        self.pointers[Member::SignedAt.index()].as_ref()
    }

    pub(crate) fn has_data_pointer(&self) -> bool {
        self.pointers[Member::Data.index()].is_some()
    }

    /// Checks the whole body and finds the members, or says what the body should have been.
    pub(crate) fn read<'a>(&self, body: &'a [u8]) -> Result<Members<'a>, &'static str> {
        let mut members = Members::default();
        let expected = match self.form {
            BodyForm::Opaque => return Ok(members),
            BodyForm::Json => "one JSON value and nothing else",
            BodyForm::JsonObject => "one JSON object and nothing else",
        };
        let text = std::str::from_utf8(body).map_err(|_| expected)?;
        let mut json = serde_json::Deserializer::from_str(text);
        let object = text.trim_ascii_start().starts_with('{');
        let walked = if object || self.form == BodyForm::JsonObject {
            let walk = Walk { pointers: &self.pointers, wanted: [true; MEMBERS], depth: 0, members: &mut members };
            walk.deserialize(&mut json)
        } else {
            json.deserialize_ignored_any(IgnoredAny).map(drop)
        };
        walked.and_then(|()| json.end()).map_err(|_| expected)?;
        Ok(members)
    }
}

/// One object on the way to the members; `wanted` are the pointers that lead through it.
struct Walk<'r, 'a> {
    pointers: &'r [Option<Pointer>; MEMBERS],
    wanted: [bool; MEMBERS],
    depth: usize,
    members: &'r mut Members<'a>,
}

impl<'a> DeserializeSeed<'a> for Walk<'_, 'a> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Walk<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(here) = map.next_key_seed(Key { walk: &self })? {
            if here == [false; MEMBERS] {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let raw = map.next_value::<&'a RawValue>()?.get();
            let mut deeper = [false; MEMBERS];
            for (index, pointer) in self.pointers.iter().enumerate().filter(|(index, _)| here[*index]) {
                let last = pointer.as_ref().is_some_and(|pointer| pointer.tokens.len() == self.depth + 1);
                if last {
                    self.members.found[index].add(raw);
                } else {
                    deeper[index] = true;
                }
            }
            if deeper != [false; MEMBERS] && raw.starts_with('{') {
                let walk =
                    Walk { pointers: self.pointers, wanted: deeper, depth: self.depth + 1, members: self.members };
                // This text was checked a moment ago as part of the whole: it cannot fail.
                walk.deserialize(&mut serde_json::Deserializer::from_str(raw)).map_err(serde::de::Error::custom)?;
            }
        }
        Ok(())
    }
}

/// Compares a member's name with the wanted pointers without copying it.
struct Key<'w, 'r, 'a> {
    walk: &'w Walk<'r, 'a>,
}

impl<'a> DeserializeSeed<'a> for Key<'_, '_, 'a> {
    type Value = [bool; MEMBERS];

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_, '_> {
    type Value = [bool; MEMBERS];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let mut here = [false; MEMBERS];
        for (index, pointer) in self.walk.pointers.iter().enumerate() {
            here[index] = self.walk.wanted[index]
                && pointer
                    .as_ref()
                    .and_then(|pointer| pointer.tokens.get(self.walk.depth))
                    .is_some_and(|token| **token == *name);
        }
        Ok(here)
    }
}

/// The id of an event, from the signed body. The text `1` and the number `1` are two ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventId {
    /// A string of 1 to 1024 bytes without control characters.
    Text(Box<str>),
    /// The digits of an integer, of any size.
    Integer(Box<str>),
}

impl EventId {
    /// The id's text, without its kind.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Integer(text) => text,
        }
    }

    fn read(raw: &str) -> Result<Self, &'static str> {
        if !raw.starts_with('"') {
            let digits = raw.strip_prefix('-').unwrap_or(raw);
            if raw.len() <= MAX_EVENT_ID_BYTES && digits.bytes().all(|b| b.is_ascii_digit()) {
                return Ok(Self::Integer(raw.into()));
            }
            return Err("is neither a string nor an integer");
        }
        let text = decode_string(raw).ok_or("is not a readable string")?;
        if text.is_empty() || text.len() > MAX_EVENT_ID_BYTES {
            return Err("is not 1 to 1024 bytes long");
        }
        if text.chars().any(char::is_control) {
            return Err("holds control characters");
        }
        if text.split_once('{').is_some_and(|(_, rest)| rest.contains('}')) {
            return Err("is a placeholder that the sender's template did not fill");
        }
        Ok(Self::Text(text.into()))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Decodes a JSON string; `None` for every other value, and for escapes that are no text.
pub(crate) fn decode_string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::senders;

    fn reader(id: &'static str) -> EventReader {
        let sender = senders::HANDL.with_event_id_at(id);
        EventReader::new(sender.scheme.body, &sender.envelope, sender.scheme.timestamp.as_ref()).unwrap()
    }

    fn id(body: &str) -> Result<EventId, &'static str> {
        reader("/id").read(body.as_bytes()).expect("an object").id()
    }

    #[test]
    fn finds_members_at_any_depth_and_leaves_the_rest() {
        let body = r#" {"x":[1,{"id":2}],"data":{"order":{"a/b":7},"note":"\u00e9"},"type":"order.created"} "#;
        let reader = reader("/data/order/a~1b");
        let members = reader.read(body.as_bytes()).unwrap();
        assert_eq!(members.id(), Ok(EventId::Integer("7".into())));
        assert_eq!(members.event_type().as_deref(), Some("order.created"));
        assert_eq!(members.data(), Some(r#"{"order":{"a/b":7},"note":"\u00e9"}"#));
    }

    #[test]
    fn t28_a_body_is_one_object_and_nothing_else() {
        for body in [
            "",
            " ",
            "[]",
            "1",
            "null",
            "\"{}\"",
            "{}{}",
            "{} x",
            "1779105600{}",
            "\u{feff}{}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{'a':1}",
            "{\"a\":\"\n\"}",
            "\u{0}{}",
        ] {
            assert!(reader("/id").read(body.as_bytes()).is_err(), "{body:?}");
        }
        assert!(reader("/id").read(b"{\"a\":\"\xff\"}").is_err());
        assert!(reader("/id").read(b" \r\n\t{} \r\n").is_ok());
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let deep = format!(r#"{{"id":"a","data":{}{}}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(id(&deep), Ok(EventId::Text("a".into())));
        let cut = format!(r#"{{"id":"a","data":{}"#, "{\"a\":".repeat(1_000_000));
        assert!(reader("/id").read(cut.as_bytes()).is_err());
    }

    #[test]
    fn ids_are_strings_or_integers() {
        assert_eq!(id(r#"{"id":"evt_1"}"#), Ok(EventId::Text("evt_1".into())));
        assert_eq!(id(r#"{"id":"\u0065vt_1"}"#), Ok(EventId::Text("evt_1".into())));
        assert_eq!(id(r#"{"id":18446744073709551616}"#), Ok(EventId::Integer("18446744073709551616".into())));
        assert_ne!(id(r#"{"id":1}"#), id(r#"{"id":"1"}"#));
        assert_eq!(id(&format!(r#"{{"id":"{}"}}"#, "a".repeat(1024))).unwrap().as_str().len(), 1024);
        for body in [
            r#"{}"#,
            r#"{"id":null}"#,
            r#"{"id":true}"#,
            r#"{"id":1.0}"#,
            r#"{"id":1e3}"#,
            r#"{"id":{}}"#,
            r#"{"id":["a"]}"#,
            r#"{"id":""}"#,
            r#"{"id":"a\nb"}"#,
            r#"{"id":"a\u0000"}"#,
            r#"{"id":"\u0085"}"#,
            r#"{"id":"\ud800"}"#,
            r#"{"id":"{webhook.id}"}"#,
            r#"{"id":"whd_{{webhook.id}}"}"#,
            r#"{"id":"a","id":"b"}"#,
            r#"{"id":"a","id":"a"}"#,
        ] {
            assert!(id(body).is_err(), "{body}");
        }
        assert!(id(&format!(r#"{{"id":"{}"}}"#, "a".repeat(1025))).is_err());
    }

    #[test]
    fn pointers_parse_strictly() {
        for text in ["", "id", "#/id", "/a~2", "/a~"] {
            assert!(Pointer::parse(text).is_err(), "{text:?}");
        }
    }
}
