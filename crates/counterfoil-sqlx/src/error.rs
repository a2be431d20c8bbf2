//! What an error of sqlx means for an event.

use std::error::Error;
use std::sync::Arc;

use counterfoil::idempotency::StoreError;

/// What was under way when an error came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing had been sent.
    Connect,
    /// A question that changes nothing.
    Read,
    /// A statement whose effect may have been committed.
    Write,
}

/// Why a statement failed. Shared by all who were in it.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    source: Arc<sqlx::Error>,
    stage: Stage,
}

impl Failure {
    pub(crate) fn new(source: sqlx::Error, stage: Stage) -> Self {
        Self { source: Arc::new(source), stage }
    }

    /// Whether others in the same statement may work without the one that failed. Once the statement has succeeded, asking
    /// again would not find what was won.
    pub(crate) fn is_of_one(&self) -> bool {
        let refused = matches!(*self.source, sqlx::Error::Database(_));
        refused && matches!(StoreError::from(self.clone()), StoreError::Broken { .. })
    }

    pub(crate) fn source(&self) -> Arc<sqlx::Error> {
        self.source.clone()
    }

    /// Whether the connection may still be used.
    pub(crate) fn leaves_connection(&self) -> bool {
        match &*self.source {
            sqlx::Error::Database(database) => !broke_off(&database.code().unwrap_or_default()),
            _ => false,
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let Failure { source, stage } = failure;
        let boxed = Box::new(source.clone());
        match &*source {
            sqlx::Error::Database(database) => match database.code().as_deref().unwrap_or_default() {
                // The disk, or a limit that was set on the database.
                "53100" | "13" => Self::Full { source: Some(boxed) },
                code if broke_off(code) => interrupted(source.clone(), stage),
                code if is_transient(code) => Self::Unavailable { source: boxed },
                _ => Self::Broken { source: boxed },
            },
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
                interrupted(source.clone(), stage)
            }
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::BeginFailed => {
                Self::Unavailable { source: boxed }
            }
            _ => Self::Broken { source: boxed },
        }
    }
}

/// There is no answer, and there will be none.
pub(crate) fn ended(stage: Stage) -> StoreError {
    interrupted("the store's task has ended: it runs on the runtime that the store was opened on", stage)
}

fn interrupted(source: impl Into<Box<dyn Error + Send + Sync>>, stage: Stage) -> StoreError {
    let source = source.into();
    match stage {
        Stage::Connect | Stage::Read => StoreError::Unavailable { source },
        Stage::Write => StoreError::CommitUnknown { source },
    }
}

/// The connection, or the server, went away in the middle: classes 08 and 57P of PostgreSQL, and the
/// time limits on transactions.
fn broke_off(code: &str) -> bool {
    code.starts_with("08") || matches!(code, "25P03" | "25P04" | "57P01" | "57P02" | "57P04")
}

/// Trying again may help. PostgreSQL: serialization and deadlock (40), resources (53), object in use and lock timeouts
/// (55), cancelled or starting up (57), I/O (58), a server that has become a standby (25006). SQLite, whose codes are
/// numbers with the kind in the last byte: busy, locked, out of memory, read-only, I/O, cannot open, protocol.
fn is_transient(code: &str) -> bool {
    if let (true, Ok(number)) = (code.len() < 5, code.parse::<u32>()) {
        return matches!(number & 0xff, 5 | 6 | 7 | 8 | 10 | 14 | 15);
    }
    ["40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class)) || code == "25006"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tell_passing_trouble_from_damage() {
        for transient in ["40001", "40P01", "53300", "55P03", "57014", "57P03", "25006", "5", "261", "517", "8", "778"]
        {
            assert!(is_transient(transient), "{transient}");
        }
        for lasting in ["42P01", "42703", "22021", "23514", "XX001", "1", "11", "26", ""] {
            assert!(!is_transient(lasting), "{lasting}");
        }
    }

    #[test]
    fn a_write_that_broke_off_is_unknown() {
        let broken = || sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        assert!(StoreError::from(Failure::new(broken(), Stage::Write)).commit_unknown());
        assert!(!StoreError::from(Failure::new(broken(), Stage::Read)).commit_unknown());
        assert!(!StoreError::from(Failure::new(sqlx::Error::PoolTimedOut, Stage::Write)).commit_unknown());
    }
}
