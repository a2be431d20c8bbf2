//! The stand-in's own signatures: HMAC-SHA256 over what a body says, however it is written.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde_json::Error;
use serde_json::value::RawValue;
use sha2::Sha256;

/// How deep a payload may be nested: as deep as serde_json itself reads. Each level is read again by the one around it,
/// and each is a call within a call.
const DEEPEST: usize = 128;

/// The `x-ah-sig` value that an [`Endpoint`](crate::Endpoint) with this secret accepts for this body, and for every
/// other text of the same object.
///
/// **This is not the vendor's algorithm**, which is unknown: see the [crate's documentation](crate).
///
/// The same are: white space of any kind or none, members in any order, escapes or the characters themselves, numbers
/// with the same value as a double (`1.0` and `1`, and also two integers beyond 2^53 that round to one double). Of
/// members with the same name the last counts.
///
/// # Errors
/// The body is not one JSON object, or is nested more than 128 deep.
pub fn sign(secret: &str, body: &[u8]) -> Result<String, Error> {
    let value: &RawValue = serde_json::from_slice(body)?;
    if !value.get().starts_with('{') {
        return Err(Error::custom("the body is not a JSON object"));
    }
    // HMAC takes keys of every length, so this constructor has no failing case.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap_or_else(|_| unreachable!());
    feed(&mut mac, value, DEEPEST)?;
    Ok(format!("stand-in-{}", base16ct::lower::encode_string(&mac.finalize().into_bytes())))
}

/// Feeds the value so that two values with the same bytes are the same value: each begins with its kind, and says where
/// it ends.
fn feed(mac: &mut Hmac<Sha256>, value: &RawValue, levels: usize) -> Result<(), Error> {
    let levels = levels.checked_sub(1).ok_or_else(|| Error::custom("nested too deep"))?;
    let text = value.get();
    match text.as_bytes() {
        [b'{', ..] => {
            let members: BTreeMap<Text, &RawValue> = serde_json::from_str(text)?;
            mac.update(b"{");
            for (name, value) in members {
                name.feed(mac);
                feed(mac, value, levels)?;
            }
            mac.update(b"}");
        }
        [b'[', ..] => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            mac.update(b"[");
            for item in items {
                feed(mac, item, levels)?;
            }
            mac.update(b"]");
        }
        [b'"', ..] => serde_json::from_str::<Text>(text)?.feed(mac),
        [b'-' | b'0'..=b'9', ..] => {
            // The standard library rounds to the nearest double, serde_json only with `float_roundtrip`.
            let number: f64 = text.parse().map_err(Error::custom)?;
            mac.update(b"#");
            // -0.0 + 0.0 is 0.0.
            mac.update(&(number + 0.0).to_be_bytes());
        }
        word => mac.update(word),
    }
    Ok(())
}

/// A decoded string. In bytes, because JSON can write halves of surrogate pairs, which `String` cannot hold.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Text(Vec<u8>);

impl Text {
    fn feed(&self, mac: &mut Hmac<Sha256>) {
        mac.update(b"\"");
        mac.update(self.0.len().to_string().as_bytes());
        mac.update(b":");
        mac.update(&self.0);
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
        Ok(Text(bytes.to_owned()))
    }
}
