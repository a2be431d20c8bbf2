//! What can keep a test from what it needs.

use std::io;
use std::path::PathBuf;

use crate::programs::Program;

/// Why there is none, or no Python. Its text is for the person who runs the tests.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KitError {
    #[error("{}", missing(*.0))]
    Missing(Program),
    #[error("`TEST_PG_BIN` is {}, which does not hold both `initdb` and `postgres`", .0.display())]
    WrongFolder(PathBuf),
    #[error("`TEST_PYTHON` is {}, which is no CPython of 3.11 or later that can make virtual environments", .0.display())]
    WrongPython(PathBuf),
    #[error("the wheel's name is to begin with `{begin}`, and these were built: {found:?}")]
    Wheel { begin: &'static str, found: Vec<PathBuf> },
    #[error("`{command}` failed:\n{output}")]
    Failed { command: String, output: String },
    #[error("the {name} server ended while it started. Its log ends with:\n{log}")]
    Ended { name: &'static str, log: String },
    #[error("the {name} server did not answer within {seconds} s. Its log ends with:\n{log}")]
    Silent { name: &'static str, seconds: u64, log: String },
    #[error("the process that guards the {name} server ended:\n{log}")]
    Unguarded { name: &'static str, log: String },
    #[error("{} is not a folder that only this user can write: set `TESTKIT_DIR` to another", .0.display())]
    NotOurs(PathBuf),
    #[error("{} is too long for a socket's path: set `TESTKIT_DIR` to a shorter folder", .0.display())]
    TooLong(PathBuf),
    #[error("the servers' user may not enter {}: set `TESTKIT_DIR` to a folder that everybody can reach", .0.display())]
    Closed(PathBuf),
    #[error("neither `postgres` nor `nobody` is a user here, and PostgreSQL refuses to run as root")]
    NoAccount,
    #[error("{doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

impl KitError {
    /// Wraps what the system said while `doing` something to `path`.
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

fn missing(program: Program) -> &'static str {
    match program {
        Program::Postgres => {
            "PostgreSQL is needed for this test and is not here. Install it (Debian: `apt-get install postgresql`), or \
             set `TEST_PG_BIN` to the folder of its `initdb` and `postgres`, or set `DATABASE_URL` to a server that \
             tests may share"
        }
        Program::Redis => {
            "Redis is needed for this test and is not here. Install it (Debian: `apt-get install redis-server`) so that \
             `redis-server` or `valkey-server` is on the path, or set `REDIS_URL` to a server that tests may share"
        }
        Program::Python => {
            "CPython 3.11 or later is needed for this test, with `venv` and `ensurepip`, and is not here. Install it \
             (Debian: `apt-get install python3-venv`) so that `python3` or `python3.11` is on the path, or set \
             `TEST_PYTHON` to it"
        }
        Program::Strace => {
            "strace is needed for this test and is not here. Install it (Debian: `apt-get install strace`) so that it is on \
             the path"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_reported_with_what_to_do() {
        let postgres = KitError::Missing(Program::Postgres).to_string();
        for word in ["apt-get install postgresql", "TEST_PG_BIN", "initdb", "DATABASE_URL"] {
            assert!(postgres.contains(word), "{word}: {postgres}");
        }
        let redis = KitError::Missing(Program::Redis).to_string();
        for word in ["apt-get install redis-server", "valkey-server", "REDIS_URL"] {
            assert!(redis.contains(word), "{word}: {redis}");
        }
        assert!(KitError::Missing(Program::Strace).to_string().contains("apt-get install strace"));
        let python = KitError::Missing(Program::Python).to_string();
        for word in ["apt-get install python3-venv", "3.11", "TEST_PYTHON"] {
            assert!(python.contains(word), "{word}: {python}");
        }
    }
}
