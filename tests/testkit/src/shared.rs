//! The servers that all test processes share.

use std::env;
use std::fs::File;
use std::sync::OnceLock;

use crate::engine::Engine;
use crate::error::KitError;
use crate::guard::{Server, Wanted, answers};
use crate::home::Home;
use crate::or_panic;
use crate::postgres::Postgres;
use crate::redis::Redis;

/// A URL of a PostgreSQL server that all test processes share: `DATABASE_URL` if that is set, else one that
/// is started at first use and ended a few seconds after its last user.
///
/// Touch nothing there but a schema of your own: see [`unique_name`](crate::unique_name). It does not sync its
/// files, so it is no measure of speed.
///
/// # Panics
/// There is no PostgreSQL here, or it does not start; the text says what to do.
#[must_use]
#[track_caller]
pub fn postgres_url() -> String {
    static SERVER: OnceLock<Result<Shared, KitError>> = OnceLock::new();
    match env::var("DATABASE_URL") {
        Ok(url) => url,
        Err(_) => or_panic(SERVER.get_or_init(|| join(Postgres::with(&[("fsync", "off")]))).as_ref()).url.clone(),
    }
}

/// The same for Redis and `REDIS_URL`. Touch nothing there but keys with a prefix of your own.
///
/// # Panics
/// There is no Redis here, or it does not start; the text says what to do.
#[must_use]
#[track_caller]
pub fn redis_url() -> String {
    static SERVER: OnceLock<Result<Shared, KitError>> = OnceLock::new();
    match env::var("REDIS_URL") {
        Ok(url) => url,
        Err(_) => or_panic(SERVER.get_or_init(|| join(Redis::with(&[]))).as_ref()).url.clone(),
    }
}

/// Our share in a server.
#[derive(Debug)]
struct Shared {
    url: String,
    /// Held until the process ends, however it does.
    _user: File,
}

/// Becomes a user of the server, starting it where there is none.
fn join<E: Engine>(engine: E) -> Result<Shared, KitError> {
    let home = Home::open()?;
    let _gate = home.lock(E::GATE_LOCK)?;
    let user = home.lock_shared(E::USERS_LOCK)?;
    if let Some(folder) = home.current(E::NAME)
        && answers(&engine, &folder.join(E::SOCKET))
    {
        return Ok(Shared { url: E::url(&folder), _user: user });
    }
    let server = Server::start(&home, engine, Wanted::ByUsers)?;
    home.set_current(E::NAME, server.folder())?;
    Ok(Shared { url: E::url(server.folder()), _user: user })
}
