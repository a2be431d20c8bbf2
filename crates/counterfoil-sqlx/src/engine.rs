//! What differs between the databases in which a transaction can settle an event.

#![expect(unnameable_types, reason = "sealed: nobody else's statements can keep this crate's promise")]

use std::sync::Arc;
use std::time::Duration;

use counterfoil::Delivery;
use counterfoil::idempotency::{IdempotencyKey, NonZeroDuration, Scope};

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
    /// The event is the transaction's, under this token.
    Won(i64),
    /// Somebody else has it.
    InFlight(Duration),
    /// It was completed, with the same body.
    Duplicate,
    /// It was completed, with another body.
    Conflict,
    /// It is never to be handled.
    Dead,
}

/// A claim of an event, by its token.
pub(crate) type Held = (Scope, IdempotencyKey, i64);

/// The statements of one engine.
pub trait Statements: sqlx::Database {
    /// Completes a claimed event.
    const COMPLETE_IN: &'static str;

    /// Whether the transaction is still one. Where it is not, begins another, empty one, for the driver to end.
    fn is_open(connection: &mut Self::Connection) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

    /// Runs the statement above, and says whether it gave a row.
    fn complete(
        connection: &mut Self::Connection,
        text: Arc<str>,
        held: Held,
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

    /// Claims and completes an event in one step.
    fn claim_in(
        connection: &mut Self::Connection,
        tables: &Tables,
        asked: &Asked<'_>,
    ) -> impl Future<Output = Result<Said, sqlx::Error>> + Send;
}
