//! Rows in the order in which their retention ends, as finely as sweeping needs it.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{IdempotencyKey, Scope};

type RowKey = (Scope, IdempotencyKey);

/// Rows by the second in which their retention ends. Most rows are added to the last second: that takes no search.
#[derive(Debug)]
pub(crate) struct Expiry {
    started: Instant,
    seconds: BTreeMap<u32, Vec<RowKey>>,
}

/// Where a row stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    second: u32,
    index: u32,
}

impl Expiry {
    pub(crate) fn new(started: Instant) -> Self {
        Self { started, seconds: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, row: RowKey, expires_at: Instant) -> Place {
        let second = self.second(expires_at);
        let rows = self.seconds.entry(second).or_default();
        rows.push(row);
        // A store has less than 2^32 rows.
        Place { second, index: u32::try_from(rows.len() - 1).unwrap_or(u32::MAX) }
    }

    /// Takes a row away. Another may come to stand in its place: that one's [`Place`] is now the one given.
    pub(crate) fn remove(&mut self, place: Place) -> Option<RowKey> {
        let rows = self.seconds.get_mut(&place.second)?;
        let index = usize::try_from(place.index).ok()?;
        rows.swap_remove(index);
        let moved = rows.get(index).copied();
        if rows.is_empty() {
            self.seconds.remove(&place.second);
        }
        moved
    }

    /// The rows whose retention may have ended by `now`, and perhaps a few that end within a second.
    pub(crate) fn until(&self, now: Instant) -> impl Iterator<Item = &RowKey> {
        self.seconds.range(..=self.second(now)).flat_map(|(_, rows)| rows)
    }

    fn second(&self, at: Instant) -> u32 {
        u32::try_from(at.saturating_duration_since(self.started).as_secs()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn row(number: u8) -> RowKey {
        (Scope::from_i32(1), IdempotencyKey::from_bytes([number; 16]))
    }

    fn until(expiry: &Expiry, now: Instant) -> Vec<RowKey> {
        expiry.until(now).copied().collect()
    }

    #[test]
    fn rows_come_in_the_order_of_their_seconds() {
        let started = crate::time::monotonic();
        let after = |millis| started + Duration::from_millis(millis);
        let mut expiry = Expiry::new(started);
        for (number, millis) in [(1, 5000), (2, 1000), (3, 1999), (4, 0)] {
            expiry.add(row(number), after(millis));
        }
        assert_eq!(until(&expiry, started), [row(4)]);
        assert_eq!(until(&expiry, after(999)), [row(4)]);
        assert_eq!(until(&expiry, after(1000)), [row(4), row(2), row(3)]);
        assert_eq!(until(&expiry, after(5000)), [row(4), row(2), row(3), row(1)]);
    }

    #[test]
    fn the_last_row_of_a_second_takes_the_place_of_one_that_goes() {
        let started = crate::time::monotonic();
        let mut expiry = Expiry::new(started);
        let [first, second, third] = [1, 2, 3].map(|number| expiry.add(row(number), started));
        assert_eq!(expiry.remove(first), Some(row(3)), "it stands in the first place now");
        assert_eq!(until(&expiry, started), [row(3), row(2)]);
        assert_eq!(expiry.remove(second), None, "it was the last");
        assert_eq!(expiry.remove(first), None);
        assert_eq!(until(&expiry, started), []);
        assert_eq!(expiry.remove(third), None, "its second is gone");
        assert!(expiry.seconds.is_empty());
    }
}
