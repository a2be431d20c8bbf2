//! Money as the sender wrote it.
//!
//! ```
//! use counterfoil::Amount;
//!
//! let amounts: Vec<Amount> = serde_json::from_str(r#"[1500.00, "1500.00", 850000]"#)?;
//! assert_eq!(amounts.iter().map(Amount::as_str).collect::<Vec<_>>(), ["1500.00", "1500.00", "850000"]);
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::event::decode_string;

/// An amount of money, digit for digit as received: `1500.00`, `850000`. Whether it counts cents is for the
/// sender's documents to say; nothing is assumed here, and it is never a float.
///
/// Read from a JSON number or a string of the same form; written as a string. Reads from JSON only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Amount(Box<str>);

/// Longer texts are no amounts.
const MAX_AMOUNT_BYTES: usize = 64;

impl Amount {
    /// The sender's digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a decimal number: an optional minus, digits, and an optional fraction.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let decimal =
            unsigned.split_once('.').map_or_else(|| digits(unsigned), |(whole, part)| digits(whole) && digits(part));
        (decimal && text.len() <= MAX_AMOUNT_BYTES).then(|| Self(text.into()))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = decode_string(raw.get()).unwrap_or_else(|| raw.get().into());
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a decimal amount"))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_digit() {
        for text in ["0", "-1.50", "1500.00", "99999999999999999999999999.10"] {
            for json in [text.to_owned(), format!("{text:?}")] {
                assert_eq!(serde_json::from_str::<Amount>(&json).unwrap().as_str(), text);
            }
        }
        for json in
            ["1e3", "null", "\"\"", "\"1,500.00\"", "\"$5\"", "\"1.\"", "\".5\"", "\"--1\"", "{}", "\"{order.total}\""]
        {
            assert!(serde_json::from_str::<Amount>(json).is_err(), "{json}");
        }
    }
}
