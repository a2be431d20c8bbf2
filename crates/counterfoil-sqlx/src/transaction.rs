//! Events settled inside the application's own transaction.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use counterfoil::Delivery;
use counterfoil::idempotency::{Fence, NonZeroDuration, Outcome, StoreError};
use sqlx::Transaction;

use crate::Tables;
use crate::engine::{Asked, Engine, Said};
use crate::error::{Failure, Stage};

/// A transaction that commits its effects together with the event that they belong to, or neither.
///
/// It is a connection to run statements on. There is no way to commit it but [`commit`](Self::commit), which completes
/// the event first: whoever has lost the lease commits nothing. Dropping it rolls back.
pub struct EventTransaction<'c, DB: Engine> {
    transaction: Transaction<'c, DB>,
    /// What is to be completed before the commit; `None` where claiming has completed it.
    leased: Option<(Fence, Arc<str>)>,
}

impl<'c, DB: Engine> EventTransaction<'c, DB> {
    pub(crate) fn leased(transaction: Transaction<'c, DB>, fence: Fence, tables: &Tables) -> Self {
        let complete = tables.statement(DB::COMPLETE_IN).into();
        Self { transaction, leased: Some((fence, complete)) }
    }

    /// Completes the event and commits its effects with it.
    ///
    /// Where the transaction is a savepoint in another one, that one's end decides over both.
    ///
    /// Completing comes last, so that the event's row is locked for no longer than the commit takes.
    ///
    /// # Errors
    /// The lease was lost, or the database failed: nothing was committed, unless the error is
    /// [`StoreError::CommitUnknown`].
    pub async fn commit(self) -> Result<(), CommitError> {
        let Self { mut transaction, leased } = self;
        if let Some((fence, complete)) = leased {
            let completed = DB::complete_in(&mut transaction, complete, &fence).await;
            if !completed.map_err(|error| Failure::new(error, Stage::Read))? {
                transaction.rollback().await.map_err(|error| Failure::new(error, Stage::Read))?;
                return Err(CommitError::LeaseLost);
            }
        }
        Ok(transaction.commit().await.map_err(|error| Failure::new(error, Stage::Write))?)
    }

    /// Gives the effects up. The event stays as it was.
    ///
    /// # Errors
    /// The database failed. Nothing was committed.
    pub async fn rollback(self) -> Result<(), StoreError> {
        Ok(self.transaction.rollback().await.map_err(|error| Failure::new(error, Stage::Read))?)
    }
}

impl<DB: Engine> Deref for EventTransaction<'_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.transaction
    }
}

impl<DB: Engine> DerefMut for EventTransaction<'_, DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.transaction
    }
}

impl<DB: Engine> fmt::Debug for EventTransaction<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fence = self.leased.as_ref().map(|(fence, _)| fence);
        f.debug_struct("EventTransaction").field("fence", &fence).finish_non_exhaustive()
    }
}

impl Tables {
    /// Claims the event of `delivery` inside `transaction`, for receivers that have no store of their own. The event
    /// counts as handled once the transaction commits, and as never seen if it does not.
    ///
    /// A duplicate never waits for the transaction that has the event, on PostgreSQL: it is told
    /// [`InFlight`](ClaimIn::InFlight) at once, and gives its connection back. On SQLite begin the transaction with
    /// `BEGIN IMMEDIATE`; it then waits for the file, as every writer does.
    ///
    /// Do not claim events of one endpoint in a store and in transactions at the same time: a store waits for the
    /// transaction that has made a row.
    ///
    /// `retention` is how long the event is remembered. Let it be longer than every moment at which the receiver
    /// would still accept a copy: 30 days for any sender that this library knows. Build the receiver with
    /// [`Tolerance::RetrySafe`](counterfoil::Tolerance::RetrySafe), which without a store is not the default.
    ///
    /// # Errors
    /// The database failed. Nothing was committed.
    pub async fn claim_in<'c, DB: Engine>(
        &self,
        mut transaction: Transaction<'c, DB>,
        delivery: &Delivery,
        retention: NonZeroDuration,
    ) -> Result<ClaimIn<'c, DB>, StoreError> {
        let asked = Asked { delivery, retention };
        let said = DB::claim_in(&mut transaction, self, &asked).await;
        let lost = match said.map_err(|error| Failure::new(error, Stage::Read))? {
            Said::Won => return Ok(ClaimIn::Won(EventTransaction { transaction, leased: None })),
            Said::InFlight(retry_after) => ClaimIn::InFlight { retry_after },
            Said::Duplicate(outcome) => ClaimIn::Duplicate(outcome),
            Said::Conflict(outcome) => ClaimIn::Conflict(outcome),
        };
        transaction.rollback().await.map_err(|error| Failure::new(error, Stage::Read))?;
        Ok(lost)
    }
}

/// The answer to a claim inside a transaction. On all but [`Won`](Self::Won) the transaction was rolled back.
#[derive(Debug)]
#[must_use]
pub enum ClaimIn<'c, DB: Engine> {
    /// The event is this transaction's: apply its effects, and commit.
    Won(EventTransaction<'c, DB>),
    /// Another delivery has it: answer 503, so that the sender tries again.
    InFlight {
        /// How long that may take.
        retry_after: Duration,
    },
    /// It was settled, with the same body: answer 200.
    Duplicate(Outcome),
    /// It was settled, with another body.
    Conflict(Outcome),
}

/// The event was not completed with its effects.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Another delivery has taken the event over, or a person has settled it. Nothing was committed.
    #[error("the lease was lost: nothing was committed")]
    LeaseLost,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        Self::Store(failure.into())
    }
}
