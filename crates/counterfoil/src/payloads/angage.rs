//! Data of Angage ERP's order events under its default template. Every value there is quoted, numbers too.

use serde::Deserialize;

use super::{RecordId, unless_blank};
use crate::Amount;

/// `data` of the `order.*` events.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Order {
    /// The internal id.
    pub order_id: RecordId,
    /// The number for people, such as `SO-2026-0892`.
    pub order_number: Option<String>,
    /// Who ordered.
    pub customer: Option<Customer>,
    /// What was ordered.
    #[serde(default)]
    pub items: Vec<Item>,
    /// What it comes to.
    pub totals: Option<Totals>,
}

/// The customer of an [`Order`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Customer {
    /// The internal id.
    pub id: Option<RecordId>,
    /// The company's name.
    pub name: Option<String>,
    /// The address to write to.
    pub email: Option<String>,
}

/// One line of an [`Order`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Item {
    /// The product's code.
    pub sku: Option<String>,
    /// The product's name.
    pub name: Option<String>,
    /// How many, which may be a fraction.
    #[serde(default, deserialize_with = "unless_blank")]
    pub quantity: Option<Amount>,
    /// The price of one.
    #[serde(default, deserialize_with = "unless_blank")]
    pub price: Option<Amount>,
}

/// The sums of an [`Order`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Totals {
    /// Before tax and shipping.
    #[serde(default, deserialize_with = "unless_blank")]
    pub subtotal: Option<Amount>,
    /// Tax.
    #[serde(default, deserialize_with = "unless_blank")]
    pub tax: Option<Amount>,
    /// Shipping.
    #[serde(default, deserialize_with = "unless_blank")]
    pub shipping: Option<Amount>,
    /// All together.
    #[serde(default, deserialize_with = "unless_blank")]
    pub total: Option<Amount>,
}
