//! Which event is meant, and finding it.

use std::num::NonZeroU32;

use counterfoil::idempotency::{IdempotencyKey, Page, Scope, Store};

use super::StoreProblem;

/// The address of one row.
pub(super) type Id = (Scope, IdempotencyKey);

/// An event as people name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Address(Id),
    /// In whichever scope it is: logs and `counterfoil verify` print the key alone.
    Key(IdempotencyKey),
}

/// Reads `SCOPE:KEY` or `KEY`.
pub(super) fn event(text: &str) -> Result<Event, &'static str> {
    let key = || text.trim().parse().map(Event::Key);
    address(text).map(Event::Address).or_else(|_| key()).map_err(
        |_| "write it as SCOPE:KEY, as `counterfoil store ls` prints it, or as a KEY alone, which is 32 hex digits",
    )
}

/// Reads `SCOPE:KEY`.
pub(super) fn address(text: &str) -> Result<Id, &'static str> {
    let (scope, key) = text.trim().split_once(':').ok_or(ADDRESS)?;
    Ok((Scope::from_i32(scope.parse().map_err(|_| ADDRESS)?), key.parse().map_err(|_| ADDRESS)?))
}

const ADDRESS: &str = "write it as SCOPE:KEY, as `counterfoil store ls` prints it";

pub(super) fn print((scope, key): Id) -> String {
    format!("{scope}:{key}")
}

impl Event {
    /// Its address; of a key alone, `None` where no scope has it.
    pub(super) async fn find(self, store: &dyn Store) -> Result<Option<Id>, StoreProblem> {
        let key = match self {
            Self::Address(id) => return Ok(Some(id)),
            Self::Key(key) => key,
        };
        let found = search(store, key).await?;
        match found[..] {
            [] => Ok(None),
            [id] => Ok(Some(id)),
            _ => Err(StoreProblem::Ambiguous { found: found.into_iter().map(print).collect() }),
        }
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(id) => f.write_str(&print(*id)),
            Self::Key(key) => key.fmt(f),
        }
    }
}

/// Every row of that key. Asks each scope for it, and finds the scopes by leaping from the first row of one to the first
/// row of the next: there are few scopes, and many rows.
async fn search(store: &dyn Store, key: IdempotencyKey) -> Result<Vec<Id>, StoreProblem> {
    const LAST: IdempotencyKey = IdempotencyKey::from_bytes([0xff; 16]);
    let mut found = Vec::new();
    let mut page = Page { state: None, after: None, most: NonZeroU32::MIN };
    while let Some(first) = store.list(&page).await?.pop() {
        if store.get(first.scope, key).await?.is_some() {
            found.push((first.scope, key));
        }
        page.after = Some((first.scope, LAST));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "2c151c1724a22e51cf3c629aa99b237d";

    #[test]
    fn events_read_as_they_are_printed() {
        for text in [format!("-1918533151:{KEY}"), format!("0:{KEY}"), format!("{}:{KEY}", i32::MAX), KEY.into()] {
            assert_eq!(event(&text).unwrap().to_string(), text);
            assert_eq!(event(&format!(" {text}")), event(&text));
        }
        assert_eq!(event(&KEY.to_uppercase()), event(KEY));
    }

    #[test]
    fn what_names_no_event_is_refused() {
        let long = format!("9999999999:{KEY}");
        for text in ["", ":", "7:", &KEY[1..], &format!(":{KEY}"), &format!("x:{KEY}"), &long, &format!("7:{KEY}0")] {
            assert!(event(text).is_err(), "{text:?}");
        }
        assert!(address(KEY).is_err());
    }
}
