//! Private PostgreSQL and Redis servers for tests, services as processes, disks that fill up, and a Python with the package in it.
//!
//! A test asks for a URL. It gets the server that the environment names, or one that is shared by all test
//! processes of this user, or one of its own that it may crash:
//!
//! ```no_run
//! use counterfoil_testkit::{postgres_url, redis_url, unique_name};
//!
//! let (url, schema) = (postgres_url(), unique_name());
//! let (url, prefix) = (redis_url(), unique_name());
//! ```
//!
//! | variable | meaning |
//! | --- | --- |
//! | `DATABASE_URL`, `REDIS_URL` | the shared server to use, instead of starting one |
//! | `TEST_PG_BIN` | the folder of `initdb` and `postgres`; else the newest of Debian's, else the path |
//! | `TEST_PYTHON` | the Python that the environment of [`python`] is made from; else the first of 3.11 or later on the path |
//! | `TESTKIT_DIR` | where the servers live; else a folder of this user among the temporary files |
//!
//! Servers listen on sockets in folders that only their user can enter, never on a port. As root they run as
//! `postgres` or `nobody`, and what is missing is installed where there is `apt-get`.
//!
//! Each server has a guard, a small shell script that outlives the tests. It watches a lock or a pipe that the
//! kernel lets go of however a test ends, then ends the server and removes its folder. `sh` and `flock` are
//! needed.

mod account;
mod disk;
mod engine;
mod error;
mod guard;
mod home;
mod measure;
mod postgres;
mod programs;
mod python;
mod redis;
mod service;
mod shared;

use std::borrow::Borrow;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;

pub use disk::{Disk, may_mount};
pub use measure::{memory, percentile};
pub use postgres::PrivatePostgres;
pub use python::python;
pub use redis::PrivateRedis;
pub use service::Service;
pub use shared::{postgres_url, redis_url};

use error::KitError;

/// A name made for one test, `t_` and 16 hexadecimal digits: for a schema, or a prefix of keys.
#[must_use]
pub fn unique_name() -> String {
    // Each state has keys of its own, seeded by the operating system.
    format!("t_{:016x}", RandomState::new().hash_one(()))
}

/// `strace`, which makes system calls of a program fail.
///
/// # Panics
/// It is not here, and not ours to install; the text says what to do.
#[must_use]
#[track_caller]
pub fn strace() -> PathBuf {
    or_panic(home::Home::open().and_then(|home| programs::strace(&home)))
}

/// A test that has not what it needs has failed.
#[track_caller]
fn or_panic<T, E: Borrow<KitError>>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{}", error.borrow()),
    }
}

#[cfg(test)]
mod tests {
    use super::unique_name;
    use std::collections::HashSet;

    #[test]
    fn names_differ_and_need_no_quotes() {
        let names: HashSet<String> = std::iter::repeat_with(unique_name).take(1000).collect();
        assert_eq!(names.len(), 1000);
        assert!(names.iter().all(|name| {
            name.len() == 18
                && name.starts_with("t_")
                && name[2..].bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        }));
    }
}
