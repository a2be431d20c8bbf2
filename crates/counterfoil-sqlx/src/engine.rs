//! What differs between the databases in which a transaction can settle an event.

#![expect(unnameable_types, reason = "sealed: nobody else's statements can keep this crate's promise")]

use std::sync::Arc;
use std::time::Duration;

use counterfoil::Delivery;
use counterfoil::idempotency::{Fence, NonZeroDuration, Outcome};

use crate::Tables;

/// A database whose transactions can settle events: PostgreSQL, and SQLite with the feature `sqlite`.
pub trait Engine: Statements {}

impl<T: Statements> Engine for T {}

/// An event to be claimed.
#[derive(Debug)]
pub struct Asked<'d> {
    pub(crate) delivery: &'d Delivery,
    pub(crate) retention: NonZeroDuration,
}

/// What a claim inside a transaction came to.
#[derive(Debug)]
pub enum Said {
    /// The event is the transaction's.
    Won,
    /// Somebody else has it.
    InFlight(Duration),
    /// It was settled, with the same body.
    Duplicate(Outcome),
    /// It was settled, with another body.
    Conflict(Outcome),
}

/// The statements of one engine.
pub trait Statements: sqlx::Database {
    /// Completes a claimed event; three parameters.
    const COMPLETE_IN: &'static str;

    /// Completes the event that `fence` holds. Says whether it was held.
    fn complete_in(
        connection: &mut Self::Connection,
        text: Arc<str>,
        fence: &Fence,
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

    /// Claims and completes an event in one step.
    fn claim_in(
        connection: &mut Self::Connection,
        tables: &Tables,
        asked: &Asked<'_>,
    ) -> impl Future<Output = Result<Said, sqlx::Error>> + Send;
}
