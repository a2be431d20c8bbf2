//! The rules that keep one proof from fitting two different requests.

use std::collections::HashSet;

use http::HeaderName;

use super::{
    BodyForm, Challenge, Check, Hmac, IdSource, MAX_ID_MEMBERS, Part, Remote, Sender, TagEncoding, TimestampSource,
    Token,
};
use crate::time::TimestampFormat;
use crate::{ConfigError, SecretEncoding};

/// A scheme with its header names parsed and its rules checked.
#[derive(Debug)]
pub(crate) struct CheckedScheme {
    /// The header of the signature or credential; `None` where nothing is checked.
    pub(crate) header: Option<HeaderName>,
    pub(crate) stamp: Option<(StampPlace, TimestampFormat)>,
    /// The headers that are signed content, in the order of their parts.
    pub(crate) signed: Box<[SignedHeader]>,
    /// The index in `signed` of the header that holds the event's id.
    pub(crate) id_header: Option<usize>,
    pub(crate) event: Option<HeaderName>,
    pub(crate) id: Option<HeaderName>,
}

impl CheckedScheme {
    /// The headers that what a delivery comes to can depend on.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        let stamp = match &self.stamp {
            Some((StampPlace::Header(header), _)) => Some(header),
            Some((StampPlace::Entry(..), _)) | None => None,
        };
        let others = [&self.header, &self.event, &self.id].into_iter().flatten();
        others.chain(stamp).chain(self.signed.iter().map(|signed| &signed.name))
    }
}

/// Where the time is that is read before the body.
#[derive(Debug)]
pub(crate) enum StampPlace {
    Header(HeaderName),
    /// The entry of the signature header with this prefix, among entries with this separator.
    Entry(Box<str>, char),
}

/// A header under the MAC.
#[derive(Debug)]
pub(crate) struct SignedHeader {
    pub(crate) name: HeaderName,
    /// The literals that keep it apart from what a request has a say in, before and after it.
    pub(crate) before: Option<Box<str>>,
    pub(crate) after: Option<Box<str>>,
}

impl SignedHeader {
    /// Whether `value` ends where the literal after it begins, and begins where the one before it ends, read from
    /// either side. A value that holds a literal does not; nor does one that holds a part of it, where the literal
    /// overlaps itself: `a-` before `--` could also be `a`.
    pub(crate) fn keeps_apart(&self, value: &str) -> bool {
        let after = |literal: &str| format!("{value}{literal}").find(literal) == Some(value.len());
        let before = |literal: &str| format!("{literal}{value}").rfind(literal) == Some(0);
        self.after.as_deref().is_none_or(after) && self.before.as_deref().is_none_or(before)
    }
}

impl Sender {
    /// The headers that what a delivery comes to can depend on, for those who would rather not copy the others. One can be
    /// there twice.
    ///
    /// ```
    /// use counterfoil::senders;
    ///
    /// assert_eq!(senders::HANDL.headers()?, ["x-handl-signature"]);
    /// # Ok::<(), counterfoil::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// The sender breaks a rule.
    pub fn headers(&self) -> Result<Vec<HeaderName>, ConfigError> {
        Ok(self.check()?.headers().cloned().collect())
    }

    /// Checks the rules.
    pub(crate) fn check(&self) -> Result<CheckedScheme, ConfigError> {
        let scheme = &self.scheme;
        let unsigned = |field, name: &Option<super::Text>| name.as_deref().map(|name| header(field, name)).transpose();
        let mut checked = match &scheme.check {
            Check::Hmac(hmac) => hmac.check(scheme.body)?,
            Check::Token(token) => CheckedScheme::of_header(token.check()?),
            Check::Remote(remote) => CheckedScheme::of_header(remote.check(scheme.body)?),
            Check::InsecureUnsigned => CheckedScheme::of_nothing(),
        };
        if scheme.hmac().is_none() && scheme.secret != SecretEncoding::Raw {
            return Err(rule("secret", "only an HMAC key is decoded: a credential is used as it is written"));
        }
        match &self.envelope.id {
            Some(IdSource::Body(pointers)) if pointers.is_empty() || pointers.len() > MAX_ID_MEMBERS => {
                return Err(rule("id", "an id is made of one to four members"));
            }
            Some(IdSource::Header(name)) => {
                let name = header("id", name)?;
                let place = checked.signed.iter().position(|signed| signed.name == name);
                let unsigned =
                    rule("id", "the header of the id is not signed: whoever replays a request can change it");
                checked.id_header = Some(place.ok_or(unsigned)?);
            }
            _ => {}
        }
        match &scheme.challenge {
            Some(Challenge::Body { .. }) if scheme.body == BodyForm::Opaque => {
                return Err(rule("challenge", "no challenge can be read from an opaque body"));
            }
            Some(Challenge::Body { .. }) if scheme.remote().is_some() => {
                return Err(rule("challenge", "a challenge in the body goes with a signature that is checked here"));
            }
            Some(Challenge::Query { parameter }) if parameter.is_empty() => {
                return Err(rule("challenge", "the parameter has no name"));
            }
            _ => {}
        }
        checked.event = unsigned("unsigned", &scheme.unsigned.event)?;
        checked.id = unsigned("unsigned", &scheme.unsigned.id)?;
        Ok(checked)
    }
}

impl CheckedScheme {
    fn of_nothing() -> Self {
        Self { header: None, stamp: None, signed: Box::default(), id_header: None, event: None, id: None }
    }

    fn of_header(header: HeaderName) -> Self {
        Self { header: Some(header), ..Self::of_nothing() }
    }
}

impl Hmac {
    fn check(&self, body: BodyForm) -> Result<CheckedScheme, ConfigError> {
        self.check_form()?;
        self.check_parts(body)?;
        let stamp = self.stamp(body)?;
        let name = header("signature", &self.signature.name)?;
        let signed = self.signed_headers(&name, &stamp)?;
        Ok(CheckedScheme { stamp, signed, ..CheckedScheme::of_header(name) })
    }

    fn check_form(&self) -> Result<(), ConfigError> {
        let form = &self.signature;
        if form.separator.is_some_and(|separator| separator != ' ' && !separator.is_ascii_graphic()) {
            return Err(rule("signature", "the separator is not a visible ASCII character or a space"));
        }
        if !can_begin_a_value(&form.prefix) {
            return Err(rule("signature", "the prefix cannot stand at the beginning of a header's value"));
        }
        if form.separator.is_some_and(|separator| form.prefix.contains(separator)) {
            return Err(rule("signature", "the prefix holds the separator"));
        }
        let digits = match form.encoding {
            TagEncoding::Hex => "",
            TagEncoding::Base64 => "+/=",
            TagEncoding::Base64Url => "-_",
        };
        if form.separator.is_some_and(|separator| separator.is_ascii_alphanumeric() || digits.contains(separator)) {
            return Err(rule("signature", "the separator could be part of a tag"));
        }
        Ok(())
    }

    fn check_parts(&self, body: BodyForm) -> Result<(), ConfigError> {
        let count = |wanted: &Part| self.signed.iter().filter(|part| *part == wanted).count();
        if count(&Part::Body) != 1 {
            return Err(rule("signed", "the signed content must hold the body exactly once"));
        }
        let head_time = matches!(self.timestamp, Some(TimestampSource::Header { .. } | TimestampSource::Entry { .. }));
        if count(&Part::Timestamp) > 1 || (count(&Part::Timestamp) == 1) != head_time {
            let reason =
                "a timestamp in the head and the part `timestamp` go together: an unsigned time proves nothing";
            return Err(rule("signed", reason));
        }
        if self.signed.iter().any(|part| matches!(part, Part::Literal(text) if text.is_empty())) {
            return Err(rule("signed", "an empty literal separates nothing"));
        }
        for pair in self.signed.windows(2) {
            let variable = pair.iter().all(|part| !part.is_fixed());
            let guarded = pair == [Part::Timestamp, Part::Body] && body == BodyForm::JsonObject;
            if variable && !guarded {
                let reason = "two variable parts need a literal between them, or bytes slide from one to the other";
                return Err(rule("signed", reason));
            }
            if self.stamp_can_grow_into(pair) {
                let reason = "a literal beside a time of 10 or 13 digits must not begin or end with a digit there";
                return Err(rule("signed", reason));
            }
            let header = pair.iter().any(|part| matches!(part, Part::Header(_)));
            if header && !pair.iter().any(|part| matches!(part, Part::Literal(_))) {
                return Err(rule("signed", "a header needs a literal on either side that it has a neighbour"));
            }
        }
        Ok(())
    }

    /// Whether a time of one width could be read as one of the other width, with digits of the literal beside it.
    fn stamp_can_grow_into(&self, pair: &[Part]) -> bool {
        let any_width = self.timestamp.as_ref().is_some_and(|stamp| stamp.format() == TimestampFormat::UnixOrRfc3339);
        any_width
            && match pair {
                [Part::Timestamp, Part::Literal(text)] => text.starts_with(|char: char| char.is_ascii_digit()),
                [Part::Literal(text), Part::Timestamp] => text.ends_with(|char: char| char.is_ascii_digit()),
                _ => false,
            }
    }

    /// The place of the time that is read before the body.
    fn stamp(&self, body: BodyForm) -> Result<Option<(StampPlace, TimestampFormat)>, ConfigError> {
        match &self.timestamp {
            Some(TimestampSource::Body { .. }) if body == BodyForm::Opaque => {
                Err(rule("timestamp", "no time can be read from an opaque body"))
            }
            Some(TimestampSource::Header { name, .. }) if self.signature.name.eq_ignore_ascii_case(name) => {
                Err(rule("timestamp", "a timestamp in the signature's header is an entry of it: give its prefix"))
            }
            Some(TimestampSource::Header { name, format }) => {
                Ok(Some((StampPlace::Header(header("timestamp", name)?), *format)))
            }
            Some(TimestampSource::Entry { prefix, format }) => {
                let form = &self.signature;
                let Some(separator) = form.separator else {
                    return Err(rule(
                        "timestamp",
                        "an entry needs the signature header to be a list: give its separator",
                    ));
                };
                let apart =
                    !prefix.is_empty() && !prefix.starts_with(&*form.prefix) && !form.prefix.starts_with(&**prefix);
                if !apart || !can_begin_a_value(prefix) || prefix.contains(separator) {
                    return Err(rule("timestamp", "the entry's prefix cannot be told from the signature's"));
                }
                Ok(Some((StampPlace::Entry((**prefix).into(), separator), *format)))
            }
            Some(TimestampSource::Body { .. }) | None => Ok(None),
        }
    }

    /// The headers among the parts, each with the literals that stand beside it.
    fn signed_headers(
        &self,
        signature: &HeaderName,
        stamp: &Option<(StampPlace, TimestampFormat)>,
    ) -> Result<Box<[SignedHeader]>, ConfigError> {
        let literal = |index: Option<usize>| match self.signed.get(index?)? {
            Part::Literal(text) => Some(Box::from(&**text)),
            _ => None,
        };
        let mut headers: Vec<SignedHeader> = Vec::new();
        for (index, part) in self.signed.iter().enumerate() {
            let Part::Header(name) = part else { continue };
            let name = header("signed", name)?;
            let stamped = matches!(stamp, Some((StampPlace::Header(stamp), _)) if *stamp == name);
            if name == *signature || stamped || headers.iter().any(|other| other.name == name) {
                return Err(rule(
                    "signed",
                    "a header stands there twice, or is the signature's or the timestamp's own",
                ));
            }
            let variable = |part: &Part| !part.is_fixed();
            let (ahead, behind) = self.signed.split_at(index);
            let before = literal(index.checked_sub(1)).filter(|_| ahead.iter().any(variable));
            let after = literal(index.checked_add(1)).filter(|_| behind.iter().skip(1).any(variable));
            headers.push(SignedHeader { name, before, after });
        }
        Ok(headers.into())
    }
}

impl Part {
    /// Whether a request has no say in it.
    fn is_fixed(&self) -> bool {
        matches!(self, Self::Literal(_) | Self::Method | Self::Path | Self::Url)
    }
}

impl Token {
    fn check(&self) -> Result<HeaderName, ConfigError> {
        if !can_begin_a_value(&self.prefix) {
            return Err(rule("token", "the prefix cannot stand at the beginning of a header's value"));
        }
        header("token", &self.header)
    }
}

impl Remote {
    fn check(&self, body: BodyForm) -> Result<HeaderName, ConfigError> {
        if body != BodyForm::JsonObject {
            return Err(rule("body", "a remote check sends one JSON object"));
        }
        let url = self.url.parse::<http::Uri>().ok();
        let host = url.as_ref().and_then(http::Uri::host).filter(|host| !host.is_empty());
        if !self.url.starts_with("https://") || host.is_none() {
            return Err(rule("url", "a secret is only sent over https, to a host that is named"));
        }
        let members = HashSet::from([&self.webhook_id, &self.signature, &self.secret, &self.payload]);
        if members.len() < 4 {
            return Err(rule("url", "two of the request's members have one name"));
        }
        let (valid, invalid) = (&self.valid, &self.invalid);
        if (valid.status, &valid.member, &valid.text) == (invalid.status, &invalid.member, &invalid.text) {
            return Err(rule("url", "both verdicts are the same answer"));
        }
        header("signature", &self.header)
    }
}

fn can_begin_a_value(prefix: &str) -> bool {
    prefix.chars().all(|char| char.is_ascii_graphic() || char == ' ') && !prefix.starts_with(' ')
}

fn rule(field: &'static str, reason: &'static str) -> ConfigError {
    ConfigError::Scheme { field, reason }
}

fn header(field: &'static str, name: &str) -> Result<HeaderName, ConfigError> {
    HeaderName::try_from(name).map_err(|_| ConfigError::HeaderName { field, name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::{Hash, SignatureHeader};
    use crate::senders;

    fn agiled(change: impl FnOnce(&mut Sender, &mut Hmac)) -> Result<CheckedScheme, ConfigError> {
        let mut sender = senders::AGILED;
        let mut hmac = sender.scheme.hmac().unwrap().clone();
        change(&mut sender, &mut hmac);
        sender.scheme.check = Check::Hmac(hmac);
        sender.check()
    }

    fn signed(parts: Vec<Part>, body: BodyForm) -> Result<CheckedScheme, ConfigError> {
        agiled(|sender, hmac| {
            hmac.signed = parts.into();
            sender.scheme.body = body;
        })
    }

    #[test]
    fn a_signed_header_is_read() {
        let dot = || Part::Literal(".".into());
        let parts = vec![Part::Header("X-Id".into()), dot(), Part::Timestamp, dot(), Part::Body];
        let scheme = signed(parts, BodyForm::JsonObject).unwrap();
        let reads = |name: &str| scheme.headers().any(|header| header == name);
        assert!(reads("x-id") && !reads("x-ids"));
    }

    #[test]
    fn t29_bytes_cannot_slide_between_variable_parts() {
        use Part::{Body, Literal, Path, Timestamp, Url};
        let dot = || Literal(".".into());
        let id = || Part::Header("X-Id".into());
        for parts in [
            vec![Timestamp, dot(), Body],
            vec![id(), dot(), Timestamp, dot(), Body],
            vec![Timestamp, Url, Body],
            vec![Part::Method, Path, Timestamp, dot(), Body],
            vec![Body, dot(), Timestamp],
            vec![Body, dot(), id(), dot(), Timestamp],
        ] {
            assert!(signed(parts.clone(), BodyForm::Opaque).is_ok(), "{parts:?}");
        }
        assert!(signed(vec![Timestamp, Body], BodyForm::JsonObject).is_ok());
        for parts in [
            vec![Body, Timestamp],
            vec![Timestamp, Timestamp, Body],
            vec![Timestamp, dot(), Body, Body],
            vec![Timestamp],
            vec![Body],
            vec![Timestamp, Literal("".into()), Body],
            vec![Timestamp, dot(), Body, id()],
            vec![Timestamp, id(), dot(), Body],
            vec![Timestamp, Url, id(), dot(), Body],
            vec![id(), dot(), Timestamp, dot(), id(), dot(), Body],
            vec![Part::Header("X-Agiled-Webhook-Signature".into()), dot(), Timestamp, dot(), Body],
            vec![Part::Header("X-Agiled-Webhook-Timestamp".into()), dot(), Timestamp, dot(), Body],
        ] {
            assert!(signed(parts.clone(), BodyForm::JsonObject).is_err(), "{parts:?}");
        }
        for body in [BodyForm::Json, BodyForm::Opaque] {
            assert!(signed(vec![Timestamp, Body], body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn t29_a_signed_header_keeps_apart_from_its_neighbours() {
        let literal = |text: &'static str| Part::Literal(text.into());
        let header = |before: &'static str, after: &'static str| {
            let id = Part::Header("X-Id".into());
            let parts = vec![Part::Body, literal(before), id, literal(after), Part::Timestamp, literal("-v0")];
            signed(parts, BodyForm::JsonObject).unwrap().signed.into_iter().next().unwrap()
        };
        for (before, value, after, apart) in [
            (".", "a", ".", true),
            (".", "a.b", ".", false),
            ("--", "a-b", "--", true),
            ("--", "a-", "--", false),
            ("--", "-a", "--", false),
            ("-a-", "a-b", "::", false),
            ("::", "b-a", "-a-", false),
            ("::", "-a", "-b-", true),
            (".", "v0-v0", "#", true),
        ] {
            assert_eq!(header(before, after).keeps_apart(value), apart, "{before} {value} {after}");
        }
        // Beyond the first and the last literal there is nothing that could take what slides.
        let id = Part::Header("X-Id".into());
        let parts = vec![literal("v0"), id, literal("."), Part::Timestamp, literal("."), Part::Body];
        let scheme = signed(parts, BodyForm::JsonObject).unwrap();
        assert!(scheme.signed[0].keeps_apart("msg_av0b"));
    }

    #[test]
    fn t29_a_time_does_not_grow_into_the_digits_beside_it() {
        let literal = |text: &'static str| Part::Literal(text.into());
        for (text, sound) in [(".", true), ("0", false), ("0.", false), (".0", true)] {
            let parts = vec![Part::Timestamp, literal(text), Part::Body];
            assert_eq!(signed(parts, BodyForm::Opaque).is_ok(), sound, "{text} after it");
        }
        for (text, sound) in [(".", true), ("0", false), ("0.", true), (".0", false)] {
            let parts = vec![Part::Body, literal(text), Part::Timestamp];
            assert_eq!(signed(parts, BodyForm::Opaque).is_ok(), sound, "{text} before it");
        }
    }

    #[test]
    fn a_separator_can_stand_in_a_header() {
        let with = |separator| agiled(|_, hmac| hmac.signature.separator = Some(separator));
        for separator in [',', ' ', ';'] {
            assert!(with(separator).is_ok(), "{separator:?}");
        }
        for separator in ['é', '，', '\n', '\0', '\t', 'a', '7', 'Z'] {
            assert!(with(separator).is_err(), "{separator:?}");
        }
    }

    #[test]
    fn an_entry_of_the_signature_header_is_told_from_its_tags() {
        let with = |prefix: &'static str, separator| {
            agiled(|_, hmac| {
                hmac.signature = SignatureHeader {
                    name: "X-Signature".into(),
                    prefix: "v1=".into(),
                    encoding: TagEncoding::Hex,
                    separator,
                };
                let format = TimestampFormat::UnixSeconds;
                hmac.timestamp = Some(TimestampSource::Entry { prefix: prefix.into(), format });
            })
        };
        assert!(with("t=", Some(',')).is_ok());
        for (prefix, separator) in [
            ("t=", None),
            ("", Some(',')),
            ("v1=", Some(',')),
            ("v", Some(',')),
            ("v1=t", Some(',')),
            ("t,", Some(',')),
            (" t=", Some(',')),
            ("é=", Some(',')),
        ] {
            assert!(with(prefix, separator).is_err(), "{prefix:?} {separator:?}");
        }
    }

    #[test]
    fn t31_an_id_comes_from_a_header_only_where_it_is_signed() {
        let with = |name: &'static str| {
            agiled(|sender, hmac| {
                let dot = || Part::Literal(".".into());
                hmac.signed = vec![Part::Header("X-Id".into()), dot(), Part::Timestamp, dot(), Part::Body].into();
                sender.envelope.id = Some(IdSource::Header(name.into()));
            })
        };
        assert_eq!(with("x-id").unwrap().id_header, Some(0));
        assert!(with("X-Agiled-Webhook-Id").is_err());
        assert!(senders::HANDL.with_event_id_from(Vec::<String>::new()).check().is_err());
        assert!(senders::HANDL.with_event_id_from(["/a"; 4]).check().is_ok());
        assert!(senders::HANDL.with_event_id_from(["/a"; 5]).check().is_err());
    }

    #[test]
    fn a_time_is_read_where_there_can_be_one() {
        let in_body = |body| {
            let pointer = "/at".into();
            agiled(|sender, hmac| {
                hmac.timestamp = Some(TimestampSource::Body { pointer, format: TimestampFormat::UnixSeconds });
                hmac.signed = vec![Part::Body].into();
                sender.scheme.body = body;
            })
        };
        assert!(in_body(BodyForm::JsonObject).unwrap().stamp.is_none());
        assert!(in_body(BodyForm::Opaque).is_err());
        let in_header = |name: &'static str| {
            agiled(|_, hmac| {
                hmac.timestamp =
                    Some(TimestampSource::Header { name: name.into(), format: TimestampFormat::UnixSeconds });
            })
        };
        let stamp = in_header("X-Time").unwrap().stamp;
        assert!(matches!(stamp, Some((StampPlace::Header(name), TimestampFormat::UnixSeconds)) if name == "x-time"));
        assert!(in_header("x-agiled-webhook-SIGNATURE").is_err());
        assert!(matches!(in_header("X Time"), Err(ConfigError::HeaderName { field: "timestamp", .. })));
    }

    #[test]
    fn a_prefix_can_begin_a_value() {
        let bearer = |prefix: &'static str| {
            let token = Token { header: "X-Token".into(), prefix: prefix.into(), encoding: Default::default() };
            senders::ANGAGE.with_check(Check::Token(token)).check()
        };
        let signature = |prefix: &'static str| agiled(|_, hmac| hmac.signature.prefix = prefix.into());
        for prefix in ["", "Bearer ", "sha256=", "a b "] {
            assert_eq!(bearer(prefix).unwrap().header.unwrap(), "x-token", "{prefix:?}");
            assert!(signature(prefix).is_ok(), "{prefix:?}");
        }
        for prefix in [" ", " sha256=", "é=", "a\n", "a\t"] {
            assert!(bearer(prefix).is_err() && signature(prefix).is_err(), "{prefix:?}");
        }
        let listed = |prefix: &'static str, separator, encoding| {
            agiled(|_, hmac| {
                (hmac.signature.prefix, hmac.signature.separator) = (prefix.into(), Some(separator));
                hmac.signature.encoding = encoding;
            })
        };
        assert!(listed("v1,", ' ', TagEncoding::Base64).is_ok());
        assert!(listed("v1,", ',', TagEncoding::Base64).is_err());
        for (separator, encoding, sound) in [
            ('+', TagEncoding::Hex, true),
            ('+', TagEncoding::Base64, false),
            ('=', TagEncoding::Base64, false),
            ('-', TagEncoding::Base64, true),
            ('-', TagEncoding::Base64Url, false),
            ('_', TagEncoding::Base64Url, false),
        ] {
            assert_eq!(listed("v1:", separator, encoding).is_ok(), sound, "{separator} {encoding:?}");
        }
    }

    #[test]
    fn t22_a_secret_is_sent_to_a_named_host_over_https_alone() {
        let with = |change: fn(&mut Sender, &mut Remote)| {
            let mut sender = senders::AGENCYHANDY;
            let mut remote = sender.scheme.remote().unwrap().clone();
            change(&mut sender, &mut remote);
            sender.scheme.check = Check::Remote(remote);
            sender.check()
        };
        assert_eq!(with(|_, _| ()).unwrap().header.unwrap(), "x-ah-sig");
        assert!(with(|_, remote| remote.valid.status = remote.invalid.status).is_ok());
        for (wrong, what) in [
            (with(|_, remote| remote.url = "http://api.example/verify".into()), "no https"),
            (with(|_, remote| remote.url = "https:///verify".into()), "no host"),
            (with(|_, remote| remote.url = "/verify".into()), "no host and no https"),
            (with(|_, remote| remote.payload = remote.secret.clone()), "two members of one name"),
            (with(|_, remote| remote.invalid = remote.valid.clone()), "one answer for both verdicts"),
            (with(|_, remote| remote.header = "x ah".into()), "no header name"),
            (with(|sender, _| sender.scheme.body = BodyForm::Json), "a body that is no object"),
        ] {
            assert!(wrong.is_err(), "{what}");
        }
    }

    #[test]
    fn a_challenge_can_be_read_and_proven() {
        let in_body = || Challenge::Body { text: "/text".into(), at: "/type".into(), is: "challenge".into() };
        let with = |sender: Sender, body, challenge| {
            let mut sender = sender;
            (sender.scheme.body, sender.scheme.challenge) = (body, Some(challenge));
            sender.envelope = Default::default();
            sender.check()
        };
        let unsigned = || senders::HANDL.insecure_unsigned();
        assert!(with(unsigned(), BodyForm::JsonObject, in_body()).is_ok());
        assert!(with(unsigned(), BodyForm::Opaque, in_body()).is_err());
        assert!(with(senders::AGENCYHANDY, BodyForm::JsonObject, in_body()).is_err());
        for (parameter, sound) in [("challenge", true), ("", false)] {
            let query = Challenge::Query { parameter: parameter.into() };
            assert_eq!(with(unsigned(), BodyForm::Opaque, query).is_ok(), sound, "{parameter:?}");
        }
    }

    #[test]
    fn only_an_hmac_key_is_decoded() {
        let mut sender = senders::ANGAGE.with_check(Check::bearer());
        assert!(sender.check().is_ok());
        sender.scheme.secret = SecretEncoding::Base64;
        assert!(sender.check().is_err());
    }

    #[test]
    fn every_sender_passes_its_own_rules() {
        for sender in &senders::ALL {
            sender.check().unwrap_or_else(|error| panic!("{}: {error}", sender.name));
            assert!(sender.scheme.hmac().is_none_or(|hmac| hmac.hash == Hash::Sha256));
        }
    }
}
