//! Values of a row, checked.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use counterfoil::idempotency::{Fenced, Page, State};

/// Keys and fingerprints.
pub(crate) fn fixed(bytes: &[u8]) -> Result<[u8; 16], sqlx::Error> {
    <[u8; 16]>::try_from(bytes).map_err(|error| sqlx::Error::Decode(error.into()))
}

pub(crate) fn state(number: i16) -> Result<State, sqlx::Error> {
    let state = u8::try_from(number).ok().and_then(State::from_u8);
    state.ok_or_else(|| sqlx::Error::Decode(format!("state {number} is of no version that is known").into()))
}

/// Microseconds since 1970.
pub(crate) fn date(micros: i64) -> SystemTime {
    UNIX_EPOCH.checked_add(duration(micros)).unwrap_or(UNIX_EPOCH)
}

pub(crate) fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

pub(crate) fn fenced(changed: u64) -> Fenced {
    if changed == 1 { Fenced::Applied } else { Fenced::Lost }
}

/// The row that a page begins behind; where it begins at the start, one before every row there is. A comparison alone lets
/// the database begin where the page does.
pub(crate) fn after(page: &Page) -> (i32, Vec<u8>) {
    page.after.map_or((i32::MIN, Vec::new()), |(scope, key)| (scope.as_i32(), key.as_bytes().to_vec()))
}
