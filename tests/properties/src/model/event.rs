//! What a proven body says.

use std::time::SystemTime;

use counterfoil::scheme::{BodyForm, Challenge, IdSource, Sender, TimestampSource};
use counterfoil::time::TimestampFormat;
use http::HeaderMap;

use super::head::Head;
use super::{Facts, Refusal, json, key, time};
use crate::terms::Terms;

/// An event's id. The text `1` and the number `1` are two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Id {
    Text(String),
    Integer(String),
    Composite(String),
}

/// What stands at a pointer.
#[derive(Clone, Copy)]
enum Found<'b> {
    Absent,
    Once(&'b str),
    /// There, or on the way there, are two members of one name.
    Repeated,
}

/// What a body says by itself.
pub(crate) struct Event<'b> {
    id: Option<Result<Id, Refusal>>,
    event_type: Option<String>,
    time: Found<'b>,
    occurred_at: Found<'b>,
    data: Found<'b>,
    mark: Found<'b>,
}

/// The verdict on a body that is proven.
pub(super) fn verdict(
    terms: &Terms,
    head: &Head,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
    secrets: Vec<usize>,
) -> Result<Facts, Refusal> {
    let Sender { scheme, envelope, .. } = &terms.sender;
    if scheme.remote().is_some() {
        return Err(match (is_one_object(body), terms.active(now).next()) {
            (false, _) => "body_not_an_object",
            (true, None) => "signature_mismatch",
            (true, Some(_)) => "could_not_verify",
        });
    }
    let event = read(&terms.sender, body)?;
    if event.is_challenge(&terms.sender) {
        signed_at(terms, head, &event, now)?;
        return Err("body_not_an_object");
    }
    let id = match (&envelope.id, event.id.clone()) {
        (Some(source @ IdSource::Header(_)), _) => {
            Some(head.id(scheme, source).and_then(text_id).ok_or("event_id_invalid")?)
        }
        (_, id) => id.transpose()?,
    };
    if contradicts(scheme.unsigned.event.as_deref(), headers, event.event_type.as_deref()) {
        return Err("event_contradicted");
    }
    let signed_at = signed_at(terms, head, &event, now)?;
    let unsigned = |name: Option<&str>| {
        let value = headers.get(name?)?.as_bytes();
        let visible = value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
        visible.then(|| String::from_utf8_lossy(&value[..value.len().min(255)]).into_owned())
    };
    Ok(Facts {
        key: key::key(terms, id.as_ref(), body),
        scope: key::scope(terms),
        fingerprint: key::fingerprint(body),
        id,
        event_type: event.event_type().map(str::to_owned),
        signed_at,
        occurred_at: match event.occurred_at {
            Found::Once(raw) => time::read_member(raw, TimestampFormat::UnixOrRfc3339),
            _ => None,
        },
        data: match (&envelope.data, event.data) {
            (None, _) => Some(body.to_vec()),
            (_, Found::Once(raw)) => Some(raw.as_bytes().to_vec()),
            _ => None,
        },
        unsigned_id: unsigned(scheme.unsigned.id.as_deref()),
        unsigned_event_type: unsigned(scheme.unsigned.event.as_deref()),
        secrets,
    })
}

/// Reads a body, or says that it is not of the sender's form.
pub(crate) fn read<'b>(sender: &Sender, body: &'b [u8]) -> Result<Event<'b>, Refusal> {
    let nothing = Event {
        id: None,
        event_type: None,
        time: Found::Absent,
        occurred_at: Found::Absent,
        data: Found::Absent,
        mark: Found::Absent,
    };
    let wrong = "body_not_an_object";
    let scheme = &sender.scheme;
    let text = match scheme.body {
        BodyForm::Opaque => return Ok(nothing),
        _ => std::str::from_utf8(body).map_err(|_| wrong)?,
    };
    let is_object = json::object(text).is_some();
    if scheme.body == BodyForm::Json && !is_object {
        let ids = sender.envelope.id_pointers();
        let id = (!ids.is_empty()).then_some(Err("event_id_invalid"));
        return if json::is_value(text) { Ok(Event { id, ..nothing }) } else { Err(wrong) };
    }
    // Names that are no text name nothing; nobody looks into objects that no pointer leads through.
    let at = |pointer: Option<&str>| pointer.map_or(Some(Found::Absent), |pointer| find(text, pointer)).ok_or(wrong);
    at(Some("/"))?;
    let pointers = sender.envelope.id_pointers();
    let ids = pointers.iter().map(|pointer| Ok(id(at(Some(pointer))?))).collect::<Result<Vec<_>, Refusal>>()?;
    let id = match &ids[..] {
        [] => None,
        [id] => Some(id.clone().ok_or("event_id_invalid")),
        several => {
            let several = several.iter().cloned().collect::<Option<Vec<_>>>();
            Some(several.map(|ids| composite(&ids)).ok_or("event_id_invalid"))
        }
    };
    let (mark, challenge) = match &scheme.challenge {
        Some(Challenge::Body { at, text, .. }) => (Some(&**at), Some(&**text)),
        _ => (None, None),
    };
    at(challenge)?;
    Ok(Event {
        id,
        event_type: match at(sender.envelope.event_type.as_deref())? {
            Found::Once(raw) => json::string(raw),
            _ => None,
        },
        time: match scheme.timestamp() {
            Some(TimestampSource::Body { pointer, .. }) => at(Some(pointer))?,
            _ => Found::Absent,
        },
        occurred_at: at(sender.envelope.occurred_at.as_deref())?,
        data: at(sender.envelope.data.as_deref())?,
        mark: at(mark)?,
    })
}

impl Event<'_> {
    pub(crate) fn id(&self) -> Option<Result<Id, Refusal>> {
        self.id.clone()
    }

    /// The type, where it is fit to be shown.
    fn event_type(&self) -> Option<&str> {
        let fit = |text: &&str| (1..=255).contains(&text.len()) && !text.chars().any(char::is_control);
        self.event_type.as_deref().filter(fit)
    }

    pub(crate) fn is_challenge(&self, sender: &Sender) -> bool {
        match (&sender.scheme.challenge, self.mark) {
            (Some(Challenge::Body { is, .. }), Found::Once(raw)) => json::string(raw).is_some_and(|text| text == *is),
            _ => false,
        }
    }
}

/// What stands at that pointer of an object; `None` where a name on the way is no text.
fn find<'t>(object: &'t str, pointer: &str) -> Option<Found<'t>> {
    let (token, rest) = match pointer[1..].split_once('/') {
        Some((token, rest)) => (token, Some(format!("/{rest}"))),
        None => (&pointer[1..], None),
    };
    let name = token.replace("~1", "/").replace("~0", "~");
    let members = json::object(object)?;
    if members.iter().any(|member| member.name.is_none()) {
        return None;
    }
    let named = members.iter().filter(|member| member.name.as_deref() == Some(&name));
    let mut all = Vec::new();
    for member in named {
        all.push(match &rest {
            None => Found::Once(member.value),
            Some(rest) if member.value.starts_with('{') => find(member.value, rest)?,
            Some(_) => Found::Absent,
        });
    }
    Some(match all[..] {
        [] => Found::Absent,
        [one] => one,
        _ => Found::Repeated,
    })
}

fn id(found: Found<'_>) -> Option<Id> {
    let Found::Once(raw) = found else { return None };
    if raw.starts_with('"') {
        return json::string(raw).and_then(text_id);
    }
    let integer = raw.len() <= 1024 && raw.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
    (integer && json::is_value(raw)).then(|| Id::Integer(raw.to_owned()))
}

/// 1 to 1024 bytes, no control characters, no placeholder that was not filled.
fn text_id(text: String) -> Option<Id> {
    let placeholder = text.find('{').is_some_and(|from| text[from..].contains('}'));
    let fit = (1..=1024).contains(&text.len()) && !text.chars().any(char::is_control) && !placeholder;
    fit.then_some(Id::Text(text))
}

/// Several members together, as a JSON array.
fn composite(ids: &[Id]) -> Id {
    let text = |id: &Id| match id {
        Id::Text(text) => serde_json::Value::from(&**text).to_string(),
        Id::Integer(text) | Id::Composite(text) => text.clone(),
    };
    Id::Composite(format!("[{}]", ids.iter().map(text).collect::<Vec<_>>().join(",")))
}

/// The signed time corrected to UTC, or why the delivery is not fresh.
fn signed_at(terms: &Terms, head: &Head, event: &Event<'_>, now: SystemTime) -> Result<Option<SystemTime>, Refusal> {
    let Some(source) = terms.sender.scheme.timestamp() else { return Ok(None) };
    let signed = match (head.signed_at, event.time) {
        (Some(signed), _) => signed,
        (None, Found::Absent) => return Err("timestamp_missing"),
        (None, Found::Repeated) => return Err("timestamp_repeated"),
        (None, Found::Once(raw)) => time::read_member(raw, source.format()).ok_or("timestamp_malformed")?,
    };
    time::judge(terms, signed, now)
}

/// Whether the unsigned header says something else than the signed body, or two things.
fn contradicts(name: Option<&str>, headers: &HeaderMap, event_type: Option<&str>) -> bool {
    let claims = name.map(|name| headers.get_all(name).iter().map(|value| value.as_bytes().to_vec()));
    let mut said: Vec<Vec<u8>> = claims.into_iter().flatten().collect();
    said.extend(event_type.filter(|_| !said.is_empty()).map(|text| text.as_bytes().to_vec()));
    said.windows(2).any(|pair| pair[0] != pair[1])
}

/// One object without two members of one name, each of its names and strings a text.
fn is_one_object(body: &[u8]) -> bool {
    let read: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_slice(body).ok();
    read.is_some() && !json::repeats(std::str::from_utf8(body).unwrap_or_default())
}
