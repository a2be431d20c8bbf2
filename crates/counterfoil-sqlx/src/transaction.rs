//! Events settled inside the application's own transaction.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use counterfoil::Delivery;
use counterfoil::idempotency::{Fence, NonZeroDuration, StoreError};
use sqlx::Transaction;

use crate::Tables;
use crate::engine::{Asked, Engine, Held, Said};
use crate::error::{Failure, Stage};

/// A transaction that commits its effects together with the event that they belong to, or neither.
///
/// It is a connection to run statements on. Its one method that commits is [`commit`](Self::commit), which completes the
/// event first: whoever has lost the lease commits nothing. Dropping it rolls back.
///
/// # Security
/// Answer 2xx only once `commit` has returned `Ok`: the receiver completes the event of every handler that answers 2xx.
/// Leave `COMMIT` and `ROLLBACK` to this type; a statement of yours could end the transaction without the event.
#[must_use = "effects that are not committed are rolled back"]
pub struct EventTransaction<'c, DB: Engine> {
    transaction: Transaction<'c, DB>,
    held: Held,
    /// The statement that completes what is held, last before the commit.
    last: Arc<str>,
    /// Whether the claim is part of this transaction.
    claimed: bool,
}

impl<'c, DB: Engine> EventTransaction<'c, DB> {
    pub(crate) fn leased(transaction: Transaction<'c, DB>, fence: Fence, tables: &Tables) -> Self {
        let Fence { scope, key, token, .. } = fence;
        Self::holding(transaction, (scope, key, token), tables, false)
    }

    fn holding(transaction: Transaction<'c, DB>, held: Held, tables: &Tables, claimed: bool) -> Self {
        Self { transaction, held, last: tables.statement(DB::COMPLETE_IN).into(), claimed }
    }

    /// Completes the event and commits its effects with it.
    ///
    /// Completing comes last, so that the event's row is locked for no longer than the commit takes. A receiver that
    /// extends leases while handlers run waits for that row too: commit as soon as the effects are written. Where the
    /// transaction is a savepoint in another one, that one's end decides over both.
    ///
    /// # Errors
    /// The lease was lost, the database has rolled the transaction back, or it failed: nothing was committed, unless
    /// the error is [`StoreError::CommitUnknown`].
    pub async fn commit(self) -> Result<(), CommitError> {
        let Self { mut transaction, held, last, claimed } = self;
        if !DB::is_open(&mut transaction).await.map_err(|error| Failure::new(error, Stage::Read))? {
            transaction.rollback().await.map_err(|error| Failure::new(error, Stage::Read))?;
            return Err(CommitError::RolledBack { source: None });
        }
        let completed = DB::complete(&mut transaction, last, held).await;
        if !completed.map_err(|error| CommitError::of(error, Stage::Read))? {
            transaction.rollback().await.map_err(|error| Failure::new(error, Stage::Read))?;
            return Err(if claimed { CommitError::RolledBack { source: None } } else { CommitError::LeaseLost });
        }
        transaction.commit().await.map_err(|error| CommitError::of(error, Stage::Write))
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
        f.debug_struct("EventTransaction").field("held", &self.held).finish_non_exhaustive()
    }
}

impl Tables {
    /// Completes the event that `fence` holds and commits `transaction`, or neither: an
    /// [`EventTransaction`] of a transaction that the application has begun.
    ///
    /// # Errors
    /// As [`EventTransaction::commit`].
    pub async fn complete_in<DB: Engine>(
        &self,
        transaction: Transaction<'_, DB>,
        fence: Fence,
    ) -> Result<(), CommitError> {
        EventTransaction::leased(transaction, fence, self).commit().await
    }

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
            Said::Won(token) => {
                let held = (delivery.scope(), delivery.key(), token);
                return Ok(ClaimIn::Won(EventTransaction::holding(transaction, held, self, true)));
            }
            Said::InFlight(retry_after) => ClaimIn::InFlight { retry_after },
            Said::Duplicate => ClaimIn::Duplicate,
            Said::Conflict => ClaimIn::Conflict,
            Said::Dead => ClaimIn::Dead,
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
    /// It was completed, with the same body: answer 200.
    Duplicate,
    /// It was completed, with another body: answer 200 and report it, or 422 where the sender's bodies never change.
    Conflict,
    /// It is never to be handled: answer 500, because nothing keeps its body.
    Dead,
}

/// The event was not completed with its effects.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Another delivery has taken the event over, or a person has settled it. Nothing was committed.
    #[error("the lease was lost: nothing was committed")]
    LeaseLost,
    /// The database has rolled the transaction back, perhaps after a statement whose failure was passed over. Nothing was
    /// committed.
    #[error("the database has rolled the transaction back: nothing was committed")]
    RolledBack {
        /// What it said, where it said something.
        source: Option<Arc<sqlx::Error>>,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CommitError {
    /// A database that answers with an error has committed nothing.
    fn of(error: sqlx::Error, stage: Stage) -> Self {
        let failure = Failure::new(error, stage);
        if failure.leaves_connection() {
            return Self::RolledBack { source: Some(failure.source()) };
        }
        failure.into()
    }
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        Self::Store(failure.into())
    }
}
