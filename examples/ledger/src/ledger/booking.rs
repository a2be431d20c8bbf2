//! What an event says of an order or an invoice.

use std::time::UNIX_EPOCH;

use counterfoil::payloads::RecordId;
use counterfoil::{Amount, Delivery};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// PostgreSQL indexes no more than 2704 bytes of a row.
const MAX_ID_BYTES: usize = 1024;

/// A row of `orders` or `invoices`.
#[derive(Debug)]
pub(super) struct Booking {
    pub(super) table: &'static str,
    pub(super) sender: String,
    pub(super) id: String,
    pub(super) status: String,
    pub(super) total: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) key: String,
    pub(super) at: i64,
}

impl Booking {
    /// `None` where there is nothing to book: such an event is acknowledged, and counts as applied.
    pub(super) fn of(delivery: &Delivery) -> Option<Self> {
        // Senders differ in how they write it, and AgencyHandy with itself.
        let event_type = delivery.event_type().unwrap_or_default().to_ascii_lowercase();
        let (subject, verb) = event_type.split_once('.').unwrap_or((&event_type, ""));
        let table = match subject {
            // An agency's project with its budget is what its client ordered.
            "order" | "project" => "orders",
            "invoice" => "invoices",
            _ => return None,
        };
        let document: Document = delivery.event().unwrap_or_default();
        let key = delivery.key().to_string();
        let id = document.id.or(document.order_id).or(document.invoice_id);
        let id = id.filter(|id| id.as_str().len() <= MAX_ID_BYTES);
        let total = document.total.or(document.amount).or(document.budget);
        let total = total.or(document.totals.and_then(|sums| sums.total));
        let at = delivery.occurred_at().or(delivery.signed_at()).unwrap_or(delivery.received_at());
        // Some senders write the year 1 for "not known".
        let at = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Some(Self {
            table,
            sender: delivery.sender().to_owned(),
            id: id.map_or_else(|| key.clone(), |id| text(id.as_str())),
            status: text(document.status.as_deref().unwrap_or(verb)),
            total: total.map(|total| total.to_string()),
            currency: document.currency.as_deref().map(text),
            key,
            at: i64::try_from(at).unwrap_or(i64::MAX),
        })
    }
}

/// Writes a booking, its members but `table` in their order. Events arrive in any order: an older one never overwrites
/// a newer one.
pub(super) fn upsert(table: &str) -> String {
    format!(
        "INSERT INTO {table} AS old VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (sender, id) DO UPDATE SET
             status = excluded.status, total = coalesce(excluded.total, old.total),
             currency = coalesce(excluded.currency, old.currency), key = excluded.key, at = excluded.at
         WHERE excluded.at >= old.at"
    )
}

/// PostgreSQL has no text with a NUL in it.
fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// What the senders' order and invoice events have in common. None of them has all of it. A member that cannot be
/// read counts as absent: refusing the event would only make its sender try again, and in the end give up on us.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    #[serde(deserialize_with = "readable")]
    id: Option<RecordId>,
    #[serde(deserialize_with = "readable")]
    order_id: Option<RecordId>,
    #[serde(deserialize_with = "readable")]
    invoice_id: Option<RecordId>,
    #[serde(deserialize_with = "readable")]
    status: Option<String>,
    #[serde(deserialize_with = "readable")]
    total: Option<Amount>,
    #[serde(deserialize_with = "readable")]
    amount: Option<Amount>,
    #[serde(deserialize_with = "readable")]
    budget: Option<Amount>,
    #[serde(deserialize_with = "readable")]
    totals: Option<Totals>,
    #[serde(deserialize_with = "readable")]
    currency: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Totals {
    #[serde(deserialize_with = "readable")]
    total: Option<Amount>,
}

fn readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}
