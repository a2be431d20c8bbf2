//! Ready-made types for the data of events whose fields a source gives.
//!
//! They are lenient: every field but the id may be absent, and unknown fields are passed over. For every
//! other event, read [`Delivery::data`](crate::Delivery::data) into a type of your own.
//!
//! ```
//! use counterfoil::payloads::handl;
//!
//! let order: handl::Order = serde_json::from_str(r#"{"id":"ord_1042","total":850000,"currency":"NGN","new":1}"#)?;
//! assert_eq!(order.total.ok_or("no total")?.as_str(), "850000");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod agency_os_ai;
pub mod angage;
pub mod handl;

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::Amount;
use crate::event::decode_string;

/// The id of a record at the sender, which may be a string or a number there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecordId(Box<str>);

impl RecordId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RecordId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let integer = raw.get().bytes().all(|b| b.is_ascii_digit());
        match decode_string(raw.get()) {
            Some(text) if !text.is_empty() => Ok(Self(text.into())),
            None if integer => Ok(Self(raw.get().into())),
            _ => Err(D::Error::custom("not an id: neither a string nor an integer")),
        }
    }
}

/// An amount, or none where the sender's template had nothing to fill in.
fn unless_blank<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Amount>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    match raw.get() {
        "null" | "\"\"" => Ok(None),
        text => serde_json::from_str(text).map(Some).map_err(D::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_amount_is_none_and_anything_else_is_read() {
        let totals = |json: &str| serde_json::from_str::<angage::Totals>(json);
        for json in ["{}", r#"{"total":null}"#, r#"{"total":""}"#] {
            assert_eq!(totals(json).unwrap().total, None, "{json}");
        }
        assert_eq!(totals(r#"{"total":"99.90"}"#).unwrap().total.unwrap().as_str(), "99.90");
        assert!(totals(r#"{"total":"{order.total}"}"#).is_err());
    }
}
