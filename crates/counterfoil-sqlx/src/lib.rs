//! counterfoil's store on PostgreSQL, and events settled inside your own transaction.
//!
//! [`PostgresStore`] works on the application's own pool. The receiver claims events in it; what a handler does about
//! them can be committed in three ways:
//!
//! 1. **Completed together with the effects**: the handler begins its transaction with [`PostgresStore::begin`] and
//!    commits that. Whatever crashes, the effects are there once.
//! 2. **Claimed together with the effects**: the receiver has no store, and the handler calls [`Tables::claim_in`].
//! 3. **Anywhere else**: the receiver completes the event after the handler. A crash in between repeats the handler.
//!
//! ```no_run
//! use counterfoil::idempotency::Fence;
//! use counterfoil::{Receiver, Secret, senders};
//! use counterfoil_sqlx::PostgresStore;
//! use sqlx::PgPool;
//!
//! async fn open() -> Result<(Receiver, PostgresStore), Box<dyn std::error::Error>> {
//!     let pool = PgPool::connect(&std::env::var("DATABASE_URL")?).await?;
//!     let store = PostgresStore::builder(pool).migrate().open().await?;
//!     let secret = Secret::new(std::env::var("HANDL_SECRET")?)?;
//!     Ok((Receiver::builder(senders::HANDL).secret(secret).store(store.clone()).build()?, store))
//! }
//!
//! /// `fence` is in the request's extensions: `axum::Extension<Fence>`.
//! async fn handle(store: &PostgresStore, fence: Fence, order: &str) -> Result<(), Box<dyn std::error::Error>> {
//!     let mut transaction = store.begin(fence).await?;
//!     sqlx::query("INSERT INTO orders VALUES ($1)").bind(order).execute(&mut *transaction).await?;
//!     Ok(transaction.commit().await?)
//! }
//! ```
//!
//! The feature `sqlite` does the same for your own SQLite database: `sqlite::SqliteStore`.
//!
//! # Security
//! The tables must be writable by the receivers alone: whoever can write them can make events count as handled.

mod decode;
mod engine;
mod error;
pub mod postgres;
mod purging;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod tables;
mod task;
mod transaction;

pub use engine::Engine;
pub use postgres::{OpenError, PostgresStore, PostgresStoreBuilder};
pub use tables::{NameError, Tables};
pub use transaction::{ClaimIn, CommitError, EventTransaction};
