//! A connection of the pool, for as long as there is something to ask.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::error::{Failure, Stage};

/// How long the database may take for one statement: as long as a receiver waits for its store.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Takes a connection when it is first needed, and gives it back when dropped.
pub(super) struct Line {
    pool: PgPool,
    connection: Option<PoolConnection<Postgres>>,
}

impl Line {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool, connection: None }
    }

    /// The connection, if one can be had in time.
    pub(super) async fn connect(&mut self) -> Result<&mut PgConnection, Failure> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let connected = timeout(PATIENCE, self.pool.acquire()).await;
                let connected = connected.unwrap_or(Err(sqlx::Error::PoolTimedOut));
                connected.map_err(|error| Failure::new(error, Stage::Connect))?
            }
        };
        Ok(&mut **self.connection.insert(connection))
    }

    /// What a statement on the connection came to within [`PATIENCE`]. A connection that failed, or is in the middle of a
    /// statement, is closed: its answer would be taken for the next one's.
    pub(super) fn answered<T>(
        &mut self,
        stage: Stage,
        answer: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, Failure> {
        let error = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_) => sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()),
        };
        let failure = Failure::new(error, stage);
        if !failure.leaves_connection() {
            drop(self.connection.take().map(PoolConnection::detach));
        }
        Err(failure)
    }

    /// Gives the connection back where others may be waiting for one.
    pub(super) fn share(&mut self) {
        if self.pool.num_idle() == 0 && self.pool.size() >= self.pool.options().get_max_connections() {
            self.connection = None;
        }
    }
}
