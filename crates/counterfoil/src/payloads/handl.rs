//! Data of HanDl's order and payment events, as its API pages show them.

use serde::Deserialize;

use super::{RecordId, unless_blank};
use crate::Amount;

/// `data` of `order.created` and `order.updated`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Order {
    /// `ord_...`.
    pub id: RecordId,
    /// `pending`, `confirmed`, `preparing`, `out_for_delivery`, `delivered`, `cancelled`, or a later word.
    pub status: Option<String>,
    /// Who ordered.
    pub customer: Option<Customer>,
    /// The total. The sender's pages disagree on its unit: take the digits as they are.
    #[serde(default, deserialize_with = "unless_blank")]
    pub total: Option<Amount>,
    /// As [`total`](Self::total), before what is added to it.
    #[serde(default, deserialize_with = "unless_blank")]
    pub subtotal: Option<Amount>,
    /// The currency's code.
    pub currency: Option<String>,
    /// `unpaid`, `paid`, `refunded`, or a later word.
    pub payment_status: Option<String>,
    /// Where the order came from.
    pub channel: Option<String>,
    /// What the customer wrote.
    pub notes: Option<String>,
    /// RFC 3339.
    pub created_at: Option<String>,
}

/// The customer of an [`Order`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Customer {
    /// The name.
    pub name: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
}

/// `data` of `payment.completed` and `payment.failed`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Payment {
    /// The payment's id.
    pub id: RecordId,
    /// The order that it pays.
    pub order_id: Option<RecordId>,
    /// The amount, in minor units in the documentation's example.
    #[serde(default, deserialize_with = "unless_blank")]
    pub amount: Option<Amount>,
    /// The amount for people, such as `₦8,500`.
    pub formatted_amount: Option<String>,
    /// The currency's code.
    pub currency: Option<String>,
    /// `pending`, `paid`, `failed`, `refunded`, `partially_refunded`, or a later word.
    pub status: Option<String>,
    /// Who moved the money.
    pub provider: Option<String>,
    /// The provider's own id.
    pub provider_reference: Option<String>,
    /// RFC 3339.
    pub paid_at: Option<String>,
    /// RFC 3339.
    pub created_at: Option<String>,
}
