//! Reading an event out of a body whose signature has been checked.
//!
//! One pass over the text finds the few members that the sender's envelope points at, borrowed from the
//! body; everything else is checked to be JSON and skipped. Nothing is read before the signature matches.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::ConfigError;
use crate::scheme::{BodyForm, Challenge, MAX_ID_MEMBERS, Sender, TimestampSource};
use crate::time::TimestampFormat;

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
    pub(crate) fn parse(text: &str, field: &'static str) -> Result<Self, ConfigError> {
        let refuse = || ConfigError::Pointer { field, pointer: text.to_owned() };
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

/// What the sender's file points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    /// One of the members that make up the id.
    Id(usize),
    EventType,
    SignedAt,
    OccurredAt,
    Data,
    /// Tells a challenge from an event.
    Mark,
    Challenge,
}

/// As many as there can be pointers.
const SLOTS: usize = MAX_ID_MEMBERS + 6;

impl Member {
    const fn slot(self) -> usize {
        match self {
            Self::EventType => 0,
            Self::SignedAt => 1,
            Self::OccurredAt => 2,
            Self::Data => 3,
            Self::Mark => 4,
            Self::Challenge => 5,
            Self::Id(index) => 6 + index,
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

/// Finds the members in a body that the sender's file points at.
#[derive(Debug)]
pub(crate) struct EventReader {
    form: BodyForm,
    pointers: Box<[(Member, Pointer)]>,
    ids: usize,
    /// The text of the mark in a challenge.
    challenge: Option<Box<str>>,
    /// Whether integers count only as far as every reader of JSON agrees on them.
    exact: bool,
}

/// The members of one body, borrowed from it.
#[derive(Debug, Default)]
pub(crate) struct Members<'a> {
    found: [Found<'a>; SLOTS],
}

impl<'a> Members<'a> {
    fn get(&self, member: Member) -> Found<'a> {
        self.found.get(member.slot()).copied().unwrap_or_default()
    }

    /// The text that a challenge wants echoed, of any length.
    pub(crate) fn challenge(&self) -> Option<Cow<'a, str>> {
        self.get(Member::Challenge).string()
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
    pub(crate) fn new(sender: &Sender) -> Result<Self, ConfigError> {
        let Sender { scheme, envelope, .. } = sender;
        let mut pointers = Vec::new();
        let mut point = |member, field, text: Option<&str>| {
            let pointer = text.map(|text| Pointer::parse(text, field)).transpose()?;
            pointers.extend(pointer.map(|pointer| (member, pointer)));
            Ok::<_, ConfigError>(())
        };
        for (index, id) in envelope.id_pointers().iter().enumerate() {
            point(Member::Id(index), "id", Some(id))?;
        }
        point(Member::EventType, "event_type", envelope.event_type.as_deref())?;
        if let Some(TimestampSource::Body { pointer, .. }) = scheme.timestamp() {
            point(Member::SignedAt, "timestamp", Some(pointer))?;
        }
        point(Member::OccurredAt, "occurred_at", envelope.occurred_at.as_deref())?;
        point(Member::Data, "data", envelope.data.as_deref())?;
        let mut challenge = None;
        if let Some(Challenge::Body { text, at, is }) = &scheme.challenge {
            point(Member::Mark, "challenge", Some(at))?;
            point(Member::Challenge, "challenge", Some(text))?;
            challenge = Some(Box::from(&**is));
        }
        if scheme.body == BodyForm::Opaque && !pointers.is_empty() {
            let reason = "nothing can be read from an opaque body: remove its pointers";
            return Err(ConfigError::Scheme { field: "body", reason });
        }
        Ok(Self {
            form: scheme.body,
            pointers: pointers.into(),
            ids: envelope.id_pointers().len(),
            challenge,
            // An endpoint that reads the body proves what it has read, and not the digits.
            exact: scheme.remote().is_some(),
        })
    }

    pub(crate) fn signed_at_pointer(&self) -> Option<&Pointer> {
        self.pointer(Member::SignedAt)
    }

    pub(crate) fn has_data_pointer(&self) -> bool {
        self.pointer(Member::Data).is_some()
    }

    fn pointer(&self, member: Member) -> Option<&Pointer> {
        self.pointers.iter().find(|(points_at, _)| *points_at == member).map(|(_, pointer)| pointer)
    }

    /// The id, of one member or of several. The index is that of the member at fault.
    pub(crate) fn id(&self, members: &Members<'_>) -> Result<EventId, (usize, &'static str)> {
        if self.ids == 1 {
            return self.id_member(members, 0);
        }
        let ids = (0..self.ids).map(|index| self.id_member(members, index)).collect::<Result<Vec<_>, _>>()?;
        Ok(EventId::composite(&ids))
    }

    fn id_member(&self, members: &Members<'_>, index: usize) -> Result<EventId, (usize, &'static str)> {
        let read = match members.get(Member::Id(index)) {
            Found::Absent => Err("is missing"),
            Found::Repeated => Err("stands there twice"),
            Found::Once(raw) => EventId::read(raw),
        };
        let read = read.and_then(|id| match &id {
            EventId::Integer(digits) if self.exact && !is_exact(digits) => {
                Err("is an integer on which readers of JSON disagree: beyond 2^53, or -0")
            }
            _ => Ok(id),
        });
        read.map_err(|reason| (index, reason))
    }

    /// Whether a verified body is a challenge and no event.
    pub(crate) fn is_challenge(&self, members: &Members<'_>) -> bool {
        self.challenge
            .as_deref()
            .is_some_and(|mark| members.get(Member::Mark).string().is_some_and(|text| text == mark))
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
            let walk = Walk { pointers: &self.pointers, wanted: Mask::MAX, depth: 0, members: &mut members };
            walk.deserialize(&mut json)
        } else {
            json.deserialize_ignored_any(IgnoredAny).map(drop)
        };
        walked.and_then(|()| json.end()).map_err(|_| expected)?;
        Ok(members)
    }
}

/// A bit for each pointer.
type Mask = u16;

const fn bit(index: usize) -> Mask {
    1 << index
}

/// One object on the way to the members; `wanted` are the pointers that lead through it.
struct Walk<'r, 'a> {
    pointers: &'r [(Member, Pointer)],
    wanted: Mask,
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
        let mut seen = 0;
        while let Some(here) = map.next_key_seed(Key { walk: &self })? {
            if here == 0 {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let raw = map.next_value::<&'a RawValue>()?.get();
            let mut deeper = 0;
            for (index, (member, pointer)) in
                self.pointers.iter().enumerate().filter(|(index, _)| here & bit(*index) != 0)
            {
                let Some(found) = self.members.found.get_mut(member.slot()) else { continue };
                if seen & bit(index) != 0 {
                    // Twice on the way is as bad as twice at its end: another reader goes the other way.
                    *found = Found::Repeated;
                }
                if pointer.tokens.len() > self.depth + 1 {
                    deeper |= bit(index);
                } else {
                    found.add(raw);
                }
            }
            seen |= here;
            if deeper != 0 && raw.starts_with('{') {
                let walk =
                    Walk { pointers: self.pointers, wanted: deeper, depth: self.depth + 1, members: self.members };
                // It was checked as part of the whole, where names were skipped: it fails only where one of them is no text.
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
    type Value = Mask;

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_, '_> {
    type Value = Mask;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let Walk { pointers, wanted, depth, .. } = self.walk;
        let leads = |pointer: &Pointer| pointer.tokens.get(*depth).is_some_and(|token| **token == *name);
        let here = |mask, (index, (_, pointer)): (usize, &(Member, Pointer))| {
            if wanted & bit(index) != 0 && leads(pointer) { mask | bit(index) } else { mask }
        };
        Ok(pointers.iter().enumerate().fold(0, here))
    }
}

/// The id of an event, from signed material. The text `1` and the number `1` are two ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventId {
    /// A string of 1 to 1024 bytes without control characters.
    Text(Box<str>),
    /// The digits of an integer, of any size.
    Integer(Box<str>),
    /// Several of them, as the text of a JSON array.
    Composite(Box<str>),
}

impl EventId {
    /// The id's text, without its kind.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Integer(text) | Self::Composite(text) => text,
        }
    }

    fn composite(ids: &[Self]) -> Self {
        let write = |id: &Self| match id {
            // Text always has a JSON form.
            Self::Text(text) => serde_json::to_string(text).unwrap_or_default(),
            Self::Integer(text) | Self::Composite(text) => text.to_string(),
        };
        Self::Composite(format!("[{}]", ids.iter().map(write).collect::<Vec<_>>().join(",")).into())
    }

    fn read(raw: &str) -> Result<Self, &'static str> {
        if !raw.starts_with('"') {
            let digits = raw.strip_prefix('-').unwrap_or(raw);
            if raw.len() <= MAX_EVENT_ID_BYTES && digits.bytes().all(|b| b.is_ascii_digit()) {
                return Ok(Self::Integer(raw.into()));
            }
            return Err("is neither a string nor an integer");
        }
        Self::text(&decode_string(raw).ok_or("is not a readable string")?)
    }

    /// An id that is a text, or what is wrong with it.
    pub(crate) fn text(text: &str) -> Result<Self, &'static str> {
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

/// Whether a double holds that integer, and no other integer is held by the same one.
fn is_exact(digits: &str) -> bool {
    digits != "-0" && digits.parse::<i64>().is_ok_and(|integer| integer.unsigned_abs() < 1 << 53)
}

/// Decodes a JSON string; `None` for every other value, and for escapes that are no text.
pub(crate) fn decode_string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw).ok().map(Cow::Owned)
}

/// Reads a time from a member: a string, or a number for the Unix forms.
pub(crate) fn read_time(raw: &str, format: TimestampFormat) -> Option<SystemTime> {
    match format {
        TimestampFormat::UnixSeconds | TimestampFormat::UnixMillis | TimestampFormat::SiteUnixSeconds => {
            format.parse(raw)
        }
        TimestampFormat::Rfc3339 => format.parse(&decode_string(raw)?),
        TimestampFormat::UnixOrRfc3339 => match decode_string(raw) {
            Some(text) => TimestampFormat::Rfc3339.parse(&text),
            None => format.parse(raw),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::senders;

    fn reader(id: &'static str) -> EventReader {
        EventReader::new(&senders::HANDL.with_event_id_at(id)).unwrap()
    }

    fn id(body: &str) -> Result<EventId, &'static str> {
        let reader = reader("/id");
        reader.id(&reader.read(body.as_bytes()).expect("an object")).map_err(|(_, reason)| reason)
    }

    #[test]
    fn an_id_of_several_members_keeps_them_apart() {
        let reader = EventReader::new(&senders::HANDL.with_event_id_from(["/a", "/b/c", "/d"])).unwrap();
        let id = |body: &str| reader.id(&reader.read(body.as_bytes()).unwrap());
        let composite = |text: &str| Ok(EventId::Composite(text.into()));
        assert_eq!(id(r#"{"d":7,"a":"x","b":{"c":"y\u0022,"}}"#), composite(r#"["x","y\",",7]"#));
        assert_ne!(id(r#"{"a":"x\",\"y","b":{"c":"z"},"d":1}"#), id(r#"{"a":"x","b":{"c":"y\",\"z"},"d":1}"#));
        assert_eq!(id(r#"{"a":"x","d":7}"#), Err((1, "is missing")));
        assert_eq!(id(r#"{"a":"x","b":{"c":"y"},"d":1.5}"#), Err((2, "is neither a string nor an integer")));
    }

    #[test]
    fn as_many_members_as_an_id_may_have_leave_the_others_as_they_are() {
        let pointers: [_; MAX_ID_MEMBERS] = ["/a", "/b", "/c", "/d"];
        let reader = EventReader::new(&senders::HANDL.with_event_id_from(pointers)).unwrap();
        let body = br#"{"a":1,"b":2,"c":3,"d":4,"type":"order.created","data":{"e":5},"created_at":"now"}"#;
        let members = reader.read(body).unwrap();
        assert_eq!(reader.id(&members), Ok(EventId::Composite("[1,2,3,4]".into())));
        assert_eq!(members.event_type().as_deref(), Some("order.created"));
        assert_eq!((members.data(), members.occurred_at()), (Some(r#"{"e":5}"#), Some("\"now\"")));
    }

    #[test]
    fn a_pointer_leads_through_the_objects_it_names_and_no_others() {
        let reader = reader("/data/order/id");
        let id = |body: &str| reader.id(&reader.read(body.as_bytes()).unwrap()).map_err(|(_, reason)| reason);
        assert_eq!(id(r#"{"data":{"order":{"id":1}},"other":{"order":{"id":2}}}"#), Ok(EventId::Integer("1".into())));
        for elsewhere in [
            r#"{"other":{"order":{"id":2}}}"#,
            r#"{"data":{"other":{"id":2}}}"#,
            r#"{"data":{"order":[{"id":2}]}}"#,
            r#"{"data":{"order":"id"}}"#,
            r#"{"data":{"order":null}}"#,
            r#"{"data":7}"#,
        ] {
            assert_eq!(id(elsewhere), Err("is missing"), "{elsewhere}");
        }
        for twice in [
            r#"{"data":{"order":{"id":1}},"data":{}}"#,
            r#"{"data":{"order":{}},"data":{"order":{"id":1}}}"#,
            r#"{"data":{"order":{"id":1},"order":7}}"#,
        ] {
            assert_eq!(id(twice), Err("stands there twice"), "{twice}");
        }
        let pointers = EventReader::new(&senders::HANDL.with_event_id_from(["/a/id", "/b/id"])).unwrap();
        let members = pointers.read(br#"{"b":{"id":2},"a":{"id":1}}"#).unwrap();
        assert_eq!(pointers.id(&members), Ok(EventId::Composite("[1,2]".into())));
    }

    #[test]
    fn any_json_is_a_body_where_the_sender_says_so_and_an_object_is_read_all_the_same() {
        let mut sender = senders::HANDL;
        sender.scheme.body = BodyForm::Json;
        let reader = EventReader::new(&sender).unwrap();
        for body in ["[]", "1", "null", r#"[{"id":"a"}]"#] {
            let members = reader.read(body.as_bytes()).unwrap();
            assert_eq!(reader.id(&members), Err((0, "is missing")), "{body}");
        }
        let members = reader.read(br#" {"id":"a"}"#).unwrap();
        assert_eq!(reader.id(&members), Ok(EventId::Text("a".into())));
        for body in ["", "[", "1 2", "{}[]", r#"{"id":"a"} x"#] {
            assert!(reader.read(body.as_bytes()).is_err(), "{body:?}");
        }
    }

    #[test]
    fn an_event_type_is_1_to_255_bytes_without_control_characters() {
        let reader = reader("/id");
        let event_type = |text: &str| {
            let body = format!(r#"{{"type":"{text}"}}"#);
            reader.read(body.as_bytes()).unwrap().event_type().map(Cow::into_owned)
        };
        let longest = "a".repeat(MAX_EVENT_TYPE_BYTES);
        assert_eq!(event_type(&longest), Some(longest));
        for unfit in ["", "a\\nb", "\u{85}", &"a".repeat(MAX_EVENT_TYPE_BYTES + 1)] {
            assert_eq!(event_type(unfit), None, "{unfit:?}");
        }
    }

    #[test]
    fn an_id_is_shown_as_its_text() {
        assert_eq!(id(r#"{"id":"evt_1"}"#).unwrap().to_string(), "evt_1");
        assert_eq!(id(r#"{"id":-17}"#).unwrap().to_string(), "-17");
    }

    #[test]
    fn finds_members_at_any_depth_and_leaves_the_rest() {
        let body = r#" {"x":[1,{"id":2}],"data":{"order":{"a/b":7},"note":"\u00e9"},"type":"order.created"} "#;
        let reader = reader("/data/order/a~1b");
        let members = reader.read(body.as_bytes()).unwrap();
        assert_eq!(reader.id(&members), Ok(EventId::Integer("7".into())));
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
    fn where_an_endpoint_reads_the_body_an_integer_is_one_on_which_readers_agree() {
        let id = |sender: Sender, body: &str| {
            let reader = EventReader::new(&sender.with_event_id_at("/id")).unwrap();
            reader.id(&reader.read(body.as_bytes()).unwrap()).is_ok()
        };
        for (digits, exact) in [
            ("0", true),
            ("-0", false),
            ("9007199254740991", true),
            ("9007199254740992", false),
            ("-9007199254740992", false),
            ("100000000000000000000", false),
        ] {
            let body = format!(r#"{{"id":{digits}}}"#);
            assert_eq!(id(senders::AGENCYHANDY, &body), exact, "{digits}");
            assert!(id(senders::HANDL, &body), "{digits}: signed as it stands");
        }
    }

    #[test]
    fn pointers_parse_strictly() {
        for text in ["", "id", "#/id", "/a~2", "/a~"] {
            assert!(Pointer::parse(text, "id").is_err(), "{text:?}");
        }
    }
}
