//! What an answer of the server, or its absence, means for an event.

use std::error::Error;

use counterfoil::idempotency::StoreError;
use redis::{RedisError, ServerError};

/// The server refused: nothing was written.
pub(crate) fn refused(error: ServerError) -> StoreError {
    let code = error.code().to_owned();
    let source = Box::new(RedisError::from(error));
    match code.as_str() {
        "OOM" => StoreError::Full { source: Some(source) },
        code if is_transient(code) => StoreError::Unavailable { source },
        _ => StoreError::Broken { source },
    }
}

/// No answer came to what may have been sent.
pub(crate) fn interrupted(source: impl Into<Box<dyn Error + Send + Sync>>, writes: bool) -> StoreError {
    let source = source.into();
    if writes { StoreError::CommitUnknown { source } } else { StoreError::Unavailable { source } }
}

/// Nothing was sent.
pub(crate) fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable { source: source.into() }
}

/// The answer is none of the script's.
pub(crate) fn broken(source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Broken { source: source.into() }
}

/// The server is another one than the name stood for when the connection was made.
pub(crate) fn is_elsewhere(error: &ServerError) -> bool {
    error.code() == "READONLY"
}

/// Trying again may help: the server reads its file, runs somebody's long script, cannot write its file or reach
/// its replicas, or has become a replica.
fn is_transient(code: &str) -> bool {
    matches!(
        code,
        "LOADING" | "BUSY" | "MISCONF" | "NOREPLICAS" | "READONLY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> ServerError {
        match redis::parse_redis_value(format!("-{text}\r\n").as_bytes()) {
            Ok(redis::Value::ServerError(error)) => error,
            other => panic!("an error's reply, not {other:?}"),
        }
    }

    #[test]
    fn codes_tell_passing_trouble_from_damage() {
        for transient in [
            "LOADING Redis is loading the dataset in memory",
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
            "MISCONF Errors writing to the AOF file: No space left on device",
            "NOREPLICAS Not enough good replicas to write.",
            "READONLY You can't write against a read only replica.",
        ] {
            assert!(matches!(refused(reply(transient)), StoreError::Unavailable { .. }), "{transient}");
        }
        for lasting in [
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            "NOPERM this user has no permissions to run the 'evalsha' command",
            "MOVED 3999 127.0.0.1:6381",
            "NEWER this release knows rows of version 1, not 2",
            "ERR Error running script",
        ] {
            assert!(matches!(refused(reply(lasting)), StoreError::Broken { .. }), "{lasting}");
        }
        let full = refused(reply("OOM command not allowed when used memory > 'maxmemory'."));
        assert!(matches!(full, StoreError::Full { source: Some(_) }));
    }

    #[test]
    fn a_write_that_broke_off_is_unknown() {
        assert!(interrupted("reset", true).commit_unknown());
        assert!(!interrupted("reset", false).commit_unknown());
    }
}
