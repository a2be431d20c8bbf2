//! Data of Agency OS AI's invoice events, as its documentation shows it.

use serde::Deserialize;

use super::{RecordId, unless_blank};
use crate::Amount;

/// `data` of `invoice.created`, `invoice.sent` and `invoice.paid`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Invoice {
    /// The site's number of the invoice.
    pub id: RecordId,
    /// The number printed on it, such as `INV-2026-0042`.
    pub invoice_number: Option<String>,
    /// The client's name.
    pub client_name: Option<String>,
    /// The amount, in the currency's main unit in the documentation's example.
    #[serde(default, deserialize_with = "unless_blank")]
    pub amount: Option<Amount>,
    /// The currency's code.
    pub currency: Option<String>,
    /// The day of payment, `YYYY-MM-DD`.
    pub paid_date: Option<String>,
}
