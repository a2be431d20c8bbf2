//! The event types known of a sender.

use std::borrow::Cow;

use super::Text;

/// One event type of a sender's catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventInfo {
    /// The exact string.
    pub name: Text,
    /// How far to trust it.
    pub source: EventSource,
}

impl EventInfo {
    /// A type that the sender's documentation lists.
    #[must_use]
    pub const fn documented(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), source: EventSource::Documented }
    }

    /// A type that the sender's shipped code sends.
    #[must_use]
    pub const fn shipped(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), source: EventSource::Shipped }
    }

    /// A type seen only in a mock-up or in somebody else's integration.
    #[must_use]
    pub const fn unconfirmed(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), source: EventSource::Unconfirmed }
    }
}

/// Where an event type is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventSource {
    /// The sender's own documentation lists it.
    Documented,
    /// The sender's shipped code sends it.
    Shipped,
    /// Seen only in a mock-up or in somebody else's integration.
    Unconfirmed,
}
