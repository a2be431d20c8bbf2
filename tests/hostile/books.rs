//! What really happened, read from the files without the code under test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

/// The two files of a service.
#[derive(Debug, Clone)]
pub(crate) struct Books {
    orders: PathBuf,
    events: PathBuf,
}

impl Books {
    pub(crate) fn of(folder: &Path) -> Self {
        Self { orders: folder.join("orders.db"), events: folder.join("webhooks.db") }
    }

    /// Effects and handler runs of an event, and the state of its row: 0 ready, 1 claimed, 2 done, 3 dead.
    pub(crate) fn seen(&self, key: &str) -> (i64, i64, Option<i64>) {
        let orders = open(&self.orders, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let count = |table: &str| {
            let query = format!("SELECT count(*) FROM {table} WHERE key = ?1");
            orders.query_row(&query, [key], |row| row.get(0)).unwrap()
        };
        let events = open(&self.events, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let query = "SELECT state FROM event WHERE lower(hex(key)) = ?1";
        let state = events.query_row(query, [key], |row| row.get(0)).optional().unwrap();
        (count("effects"), count("runs"), state)
    }

    /// Every row of the store, as text, so that any change shows.
    pub(crate) fn rows(&self) -> Vec<String> {
        let events = open(&self.events, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let query =
            "SELECT hex(key) || state || '/' || token || '/' || attempts || '/' || lease_until || '/' || expires_at
                     FROM event ORDER BY scope, key";
        let mut statement = events.prepare(query).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// A second hand on the orders, to hold them or to break them.
    pub(crate) fn orders(&self) -> Connection {
        open(&self.orders, OpenFlags::SQLITE_OPEN_READ_WRITE)
    }
}

fn open(path: &Path, flags: OpenFlags) -> Connection {
    let connection = Connection::open_with_flags(path, flags).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection
}
