//! A sender as people write it down: flat, with every field that has a usual value left out.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::event::EventReader;
use crate::scheme::{
    BodyForm, Challenge, Check, Envelope, EventInfo, EventSource, Hash, Hmac, IdSource, Part, Retries, Scheme, Sender,
    SignatureHeader, TagEncoding, TimestampSource, Timing, Token, TokenEncoding, UnsignedHeaders,
};
use crate::time::{STRICT_PAST, TimestampFormat};
use crate::{ConfigError, SecretEncoding};

type Text = Cow<'static, str>;

/// What a sender's file may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table of a sender's fields")]
pub(super) struct SenderForm {
    name: Text,
    title: Option<Text>,
    kind: Kind,
    hash: Option<Hash>,
    secret: Option<SecretForm>,
    #[serde(default, deserialize_with = "table")]
    signature: Option<SignatureForm>,
    timestamp: Option<TimestampForm>,
    signed: Option<Vec<Part>>,
    #[serde(default, deserialize_with = "table")]
    token: Option<TokenForm>,
    #[serde(default)]
    body: BodyForm,
    id: Option<IdForm>,
    event_type: Option<Text>,
    occurred_at: Option<Text>,
    data: Option<Text>,
    #[serde(default)]
    unsigned: UnsignedForm,
    challenge: Option<ChallengeForm>,
    deadline: Option<u64>,
    #[serde(default)]
    retries: RetriesForm,
    retry_safe: Option<u64>,
    #[serde(default)]
    events: Vec<Text>,
}

/// Untagged, so that an error does not repeat what stands there: it may be the secret itself.
#[derive(Clone, Copy, Deserialize)]
#[serde(
    untagged,
    expecting = "expected how the secret is written, `raw`, `base64`, `hex` or `whsec`: the secret itself is not for this file"
)]
enum SecretForm {
    Written(SecretEncoding),
}

/// Reads a table that may be left out. An error does not repeat what stands there instead: it may be the secret itself.
fn table<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    // Not as a map: a format's own error would repeat it.
    deserializer.deserialize_any(Table(PhantomData))
}

struct Table<T>(PhantomData<T>);

impl<T> Table<T> {
    fn no_table<E: de::Error>() -> Result<Option<T>, E> {
        Err(E::custom("expected a table such as `{ header = \"...\" }`, and this is one value"))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Table<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Self::no_table()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Self::no_table()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Self::no_table()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Self::no_table()
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Self::no_table()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Hmac,
    Token,
    InsecureUnsigned,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureForm {
    header: Text,
    #[serde(default)]
    prefix: Text,
    encoding: TagEncoding,
    separator: Option<char>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimestampForm {
    header: Option<Text>,
    entry: Option<Text>,
    body: Option<Text>,
    format: TimestampFormat,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenForm {
    header: Text,
    #[serde(default)]
    prefix: Text,
    #[serde(default)]
    encoding: TokenEncoding,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a pointer such as `/id`, a list of them, or `{ header = \"name\" }`")]
enum IdForm {
    One(Text),
    Several(Vec<Text>),
    Header(HeaderForm),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderForm {
    header: Text,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct UnsignedForm {
    event: Option<Text>,
    id: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChallengeForm {
    body: Option<Text>,
    when: Option<MarkForm>,
    query: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkForm {
    at: Text,
    is: Text,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a list of seconds, or one of `never`, `manual` and `unknown`")]
enum RetriesForm {
    Waits(Vec<u64>),
    Kind(RetryKind),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RetryKind {
    Never,
    Manual,
    Unknown,
}

impl Default for RetriesForm {
    fn default() -> Self {
        Self::Kind(RetryKind::Unknown)
    }
}

/// What is wrong with a sender, and in which of its fields.
#[derive(Debug)]
pub(super) struct FieldError {
    pub(super) field: &'static str,
    pub(super) reason: String,
}

fn wrong<T>(field: &'static str, reason: &str) -> Result<T, FieldError> {
    Err(FieldError { field, reason: reason.to_owned() })
}

impl From<ConfigError> for FieldError {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Scheme { field, reason } => Self { field, reason: reason.to_owned() },
            ConfigError::HeaderName { field, name } => {
                Self { field, reason: format!("`{name}` is not a valid header name") }
            }
            ConfigError::Pointer { field, pointer } => Self {
                field,
                reason: format!("`{pointer}` is not a JSON pointer: write it as `/member` or `/outer/inner`"),
            },
            other => Self { field: "name", reason: other.to_string() },
        }
    }
}

impl SenderForm {
    pub(super) fn build(mut self) -> Result<Sender, FieldError> {
        check_name(&self.name)?;
        let check = self.check()?;
        let timing = self.timing(&check)?;
        let sender = Sender {
            title: self.title.unwrap_or_else(|| self.name.clone()),
            name: self.name,
            scheme: Scheme {
                check,
                secret: self.secret.map_or_else(SecretEncoding::default, |SecretForm::Written(encoding)| encoding),
                body: self.body,
                unsigned: UnsignedHeaders { event: self.unsigned.event, id: self.unsigned.id },
                challenge: self.challenge.map(challenge).transpose()?,
            },
            envelope: Envelope {
                id: self.id.map(|id| match id {
                    IdForm::One(pointer) => IdSource::Body(vec![pointer].into()),
                    IdForm::Several(pointers) => IdSource::Body(pointers.into()),
                    IdForm::Header(HeaderForm { header }) => IdSource::Header(header),
                }),
                event_type: self.event_type,
                occurred_at: self.occurred_at,
                data: self.data,
            },
            timing,
            events: events(self.events)?.into(),
        };
        sender.check()?;
        EventReader::new(&sender)?;
        Ok(sender)
    }

    fn check(&mut self) -> Result<Check, FieldError> {
        let of_hmac = [
            ("hash", self.hash.is_some()),
            ("secret", self.secret.is_some()),
            ("signature", self.signature.is_some()),
            ("timestamp", self.timestamp.is_some()),
            ("signed", self.signed.is_some()),
        ];
        let stray = match self.kind {
            Kind::Hmac => [("token", self.token.is_some())].into_iter().find(|(_, given)| *given),
            Kind::Token => of_hmac.into_iter().find(|(_, given)| *given),
            Kind::InsecureUnsigned => {
                of_hmac.into_iter().chain([("token", self.token.is_some())]).find(|(_, given)| *given)
            }
        };
        if let Some((field, _)) = stray {
            return wrong(field, "it does not go with this `kind`: remove it, or change the kind");
        }
        match self.kind {
            Kind::InsecureUnsigned => Ok(Check::InsecureUnsigned),
            Kind::Token => match self.token.take() {
                Some(TokenForm { header, prefix, encoding }) => Ok(Check::Token(Token { header, prefix, encoding })),
                None => wrong("kind", "a token needs `token = { header = \"...\" }`"),
            },
            Kind::Hmac => {
                let Some(SignatureForm { header: name, prefix, encoding, separator }) = self.signature.take() else {
                    return wrong("kind", "an HMAC needs `signature = { header = \"...\", encoding = \"hex\" }`");
                };
                Ok(Check::Hmac(Hmac {
                    hash: self.hash.unwrap_or_default(),
                    signature: SignatureHeader { name, prefix, encoding, separator },
                    signed: self.signed.take().unwrap_or_else(|| vec![Part::Body]).into(),
                    timestamp: self.timestamp.take().map(timestamp).transpose()?,
                }))
            }
        }
    }

    fn timing(&mut self, check: &Check) -> Result<Timing, FieldError> {
        let timed = matches!(check, Check::Hmac(Hmac { timestamp: Some(_), .. }));
        let retries = match &self.retries {
            RetriesForm::Waits(waits) if waits.is_empty() => return wrong("retries", "no wait: write `never`"),
            RetriesForm::Waits(waits) => {
                let waits: Vec<_> = waits.iter().copied().map(Duration::from_secs).collect();
                if waits.iter().try_fold(Duration::ZERO, |sum, wait| sum.checked_add(*wait)).is_none() {
                    return wrong("retries", "the waits are longer than time");
                }
                Retries::After(waits.into())
            }
            RetriesForm::Kind(RetryKind::Never) => Retries::Never,
            RetriesForm::Kind(RetryKind::Manual) => Retries::Manual,
            RetriesForm::Kind(RetryKind::Unknown) => Retries::Unknown,
        };
        let late = retries.horizon().is_some_and(|horizon| horizon > STRICT_PAST);
        let retry_safe = match (timed, self.retry_safe) {
            (true, None) if late => {
                let reason = "the last retry comes later than 300 s: say how old a signed time may be then, which is 300 if \
                              each attempt is stamped anew";
                return wrong("retry_safe", reason);
            }
            (true, window) => Some(window.map_or(STRICT_PAST, Duration::from_secs)),
            (false, None) => None,
            (false, Some(_)) => return wrong("retry_safe", "no time is signed that could be judged: remove it"),
        };
        if self.deadline == Some(0) {
            return wrong("deadline", "nobody can answer in no time: give seconds, or leave it out");
        }
        Ok(Timing { deadline: self.deadline.map(Duration::from_secs), retries, retry_safe })
    }
}

fn check_name(name: &str) -> Result<(), FieldError> {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if name.len() <= 64 && name.split('-').all(word) {
        return Ok(());
    }
    wrong("name", "a name is lower-case words and digits joined by `-`, 64 characters at most")
}

fn timestamp(form: TimestampForm) -> Result<TimestampSource, FieldError> {
    let format = form.format;
    match (form.header, form.entry, form.body) {
        (Some(name), None, None) => Ok(TimestampSource::Header { name, format }),
        (None, Some(prefix), None) => Ok(TimestampSource::Entry { prefix, format }),
        (None, None, Some(pointer)) => Ok(TimestampSource::Body { pointer, format }),
        _ => wrong("timestamp", "say where the time is: one of `header`, `entry` and `body`"),
    }
}

fn challenge(form: ChallengeForm) -> Result<Challenge, FieldError> {
    match (form.body, form.when, form.query) {
        (Some(text), Some(MarkForm { at, is }), None) => Ok(Challenge::Body { text, at, is }),
        (None, None, Some(parameter)) => Ok(Challenge::Query { parameter }),
        _ => wrong("challenge", "give `body` with `when = { at = \"/type\", is = \"...\" }`, or `query` alone"),
    }
}

fn events(names: Vec<Text>) -> Result<Vec<EventInfo>, FieldError> {
    let mut events: Vec<EventInfo> = Vec::with_capacity(names.len());
    for name in names {
        if name.is_empty() || events.iter().any(|event| event.name == name) {
            return wrong("events", "an event type is empty, or stands there twice");
        }
        events.push(EventInfo { name, source: EventSource::Documented });
    }
    Ok(events)
}

/// Read from any format, in the form that `docs/senders/catalogue.md` describes; its rules are checked.
impl<'de> Deserialize<'de> for Sender {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let built = SenderForm::deserialize(deserializer)?.build();
        built.map_err(|FieldError { field, reason }| de::Error::custom(format!("`{field}`: {reason}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Sender, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_sender_is_read_from_any_format() {
        let sender = read(
            r#"{"name":"till","kind":"hmac","signature":{"header":"X-Till","prefix":"v1=","encoding":"hex","separator":","},
                "timestamp":{"entry":"t=","format":"unix_seconds"},"signed":["timestamp",{"literal":"."},"body"],
                "id":["/a","/b"],"retries":[60,300],"retry_safe":400,"deadline":10,"events":["a","b"]}"#,
        )
        .unwrap();
        assert_eq!((&*sender.name, &*sender.title), ("till", "till"));
        assert_eq!(sender.timing.retries.horizon(), Some(Duration::from_secs(360)));
        assert_eq!(sender.envelope.id_pointers(), ["/a", "/b"]);
        assert_eq!(sender.scheme.timestamp().unwrap().format(), TimestampFormat::UnixSeconds);
    }

    #[test]
    fn errors_name_the_field_and_what_to_change() {
        let hmac = |more: &str| {
            format!(r#"{{"name":"till","kind":"hmac","signature":{{"header":"X-Till","encoding":"hex"}}{more}}}"#)
        };
        assert!(read(&hmac("")).is_ok());
        for (json, field) in [
            (hmac("").replace("till", "Till"), "`name`"),
            (hmac("").replace("X-Till", "X Till"), "`signature`"),
            (hmac(r#","token":{"header":"X"}"#), "`token`"),
            (hmac(r#","signed":["body","body"]"#), "`signed`"),
            (hmac(r#","signed":[{"header":"X-Id"},"body"]"#), "`signed`"),
            (hmac(r#","timestamp":{"format":"rfc3339"}"#), "`timestamp`"),
            (hmac(r#","timestamp":{"header":"X-Time","format":"rfc3339"}"#), "`signed`"),
            (hmac(r#","timestamp":{"entry":"t=","format":"rfc3339"},"signed":["timestamp","body"]"#), "`timestamp`"),
            (hmac(r#","id":"id""#), "`id`"),
            (hmac(r#","id":{"header":"X-Id"}"#), "`id`"),
            (hmac(r#","id":{"header":"X-Id","body":"/id"}"#), "pointer"),
            (hmac(r#","id":[]"#), "`id`"),
            (hmac(r#","event_type":"type""#), "`event_type`"),
            (hmac(r#","challenge":{"body":"/challenge"}"#), "`challenge`"),
            (hmac(r#","body":"opaque","event_type":"/type""#), "`body`"),
            (hmac(r#","retries":[]"#), "`retries`"),
            (hmac(r#","retries":"sometimes""#), "never"),
            (hmac(r#","retry_safe":300"#), "`retry_safe`"),
            (hmac(r#","timestamp":{"body":"/t","format":"rfc3339"},"retries":[60,3600]"#), "`retry_safe`"),
            (hmac(r#","deadline":0"#), "`deadline`"),
            (hmac(r#","events":["a","a"]"#), "`events`"),
            (hmac(r#","colour":"red""#), "colour"),
            (r#"{"name":"till","kind":"hmac"}"#.into(), "`kind`"),
            (r#"{"name":"till","kind":"token"}"#.into(), "`kind`"),
            (r#"{"name":"till","kind":"token","token":{"header":"X"},"hash":"sha512"}"#.into(), "`hash`"),
            (r#"{"name":"till","kind":"insecure_unsigned","token":{"header":"X"}}"#.into(), "`token`"),
            (r#"{"name":"till","kind":"unsigned"}"#.into(), "insecure_unsigned"),
        ] {
            let error = read(&json).expect_err(&json);
            assert!(error.contains(field), "{json}: {error}");
        }
    }

    #[test]
    fn what_is_left_out_may_also_be_null() {
        let left_out =
            read(r#"{"name":"till","kind":"hmac","signature":{"header":"X-Till","encoding":"hex"}}"#).unwrap();
        for field in
            ["title", "hash", "secret", "timestamp", "signed", "token", "id", "event_type", "occurred_at", "data"]
        {
            let json = format!(
                r#"{{"name":"till","kind":"hmac","signature":{{"header":"X-Till","encoding":"hex"}},"{field}":null}}"#
            );
            assert_eq!(format!("{:?}", read(&json).unwrap()), format!("{left_out:?}"), "{field}");
        }
        assert!(read(r#"{"name":"till","kind":"token","signature":null,"token":{"header":"X"}}"#).is_ok());
    }

    #[test]
    fn a_secret_in_the_place_of_a_table_is_not_repeated() {
        for field in ["signature", "token", "secret"] {
            for (secret, digits) in [
                (r#""whsec_4711""#, "4711"),
                ("4711", "4711"),
                ("-4711", "4711"),
                ("47.11", "47.11"),
                ("true", "true"),
                ("[4711]", "4711"),
            ] {
                let json = format!(r#"{{"name":"till","kind":"hmac","{field}":{secret}}}"#);
                let error = read(&json).expect_err(&json);
                assert!(!error.contains(digits), "{json}: {error}");
            }
        }
    }

    #[test]
    fn t23_an_unknown_kind_hash_or_form_fails_closed() {
        for json in [
            r#"{"name":"x","kind":"rsa"}"#,
            r#"{"name":"x","kind":"hmac","hash":"md5","signature":{"header":"X","encoding":"hex"}}"#,
            r#"{"name":"x","kind":"hmac","hash":"sha1","signature":{"header":"X","encoding":"hex"}}"#,
            r#"{"name":"x","kind":"hmac","signature":{"header":"X","encoding":"base32"}}"#,
            r#"{"name":"x","kind":"hmac","signature":{"header":"X","encoding":"hex"},"signed":["trailer","body"]}"#,
            r#"{"name":"x","kind":"hmac","signature":{"header":"X","encoding":"hex"},"secret":"pem"}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
