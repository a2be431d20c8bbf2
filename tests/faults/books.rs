//! What is in the files, read past the code under test: in copies, because SQLite tidies up what a kill has left.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::service::Place;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Books {
    /// By event: effects, and the state of its row: 0 ready, 1 claimed, 2 done, 3 dead.
    pub(crate) events: BTreeMap<String, (u32, Option<u8>)>,
    /// Effects of whatever event.
    pub(crate) effects: usize,
    /// What SQLite finds wrong with the files.
    pub(crate) damage: Vec<String>,
}

impl Books {
    /// While no process has them open.
    pub(crate) fn read(place: &Place) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [orders, store] = [&place.books(), &place.store].map(|file| open_copy(file, folder.path()));
        let damage = [("orders", &orders), ("store", &store)].into_iter().filter_map(damage).collect();
        let effects: Vec<String> = column(&orders, "SELECT key FROM effects");
        let states: BTreeMap<String, u8> = pairs(&store, "SELECT lower(hex(key)), state FROM event");
        // An order has its event's id.
        let keys: Vec<(String, String)> = pairs(&orders, "SELECT id, key FROM orders");
        let event = |(id, key): (String, String)| {
            let count = effects.iter().filter(|effect| **effect == key).count();
            (id, (u32::try_from(count).unwrap(), states.get(&key).copied()))
        };
        Self { events: keys.into_iter().map(event).collect(), effects: effects.len(), damage }
    }
}

/// With the log, from which the rest of a database is read.
fn open_copy(file: &Path, folder: &Path) -> Connection {
    let copy = folder.join(file.file_name().unwrap());
    fs::copy(file, &copy).unwrap();
    let log = file.with_extension("db-wal");
    if log.exists() {
        fs::copy(log, copy.with_extension("db-wal")).unwrap();
    }
    Connection::open(copy).unwrap()
}

fn damage((name, connection): (&str, &Connection)) -> Option<String> {
    let verdict: String = connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    (verdict != "ok").then(|| format!("{name}: {verdict}"))
}

fn column(connection: &Connection, query: &str) -> Vec<String> {
    let mut statement = connection.prepare(query).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn pairs<T: rusqlite::types::FromSql, C: FromIterator<(String, T)>>(connection: &Connection, query: &str) -> C {
    let mut statement = connection.prepare(query).unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}
