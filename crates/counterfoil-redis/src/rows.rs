//! Rows as they lie in the server, and what the scripts answer about them.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use counterfoil::idempotency::{
    Claim, ClaimRequest, Fence, Fenced, Fingerprint, IdempotencyKey, Lease, NonZeroDuration, Note, OnExpired, Outcome,
    Record, Scope, State, StoreError,
};
use redis::{FromRedisValue, Value};

use crate::error::broken;
use crate::scripts::{self, Call};

/// Longer than any lease or retention, and short enough that no sum with it leaves the whole numbers of Lua.
const CENTURY_MS: i64 = 100 * 366 * 86_400_000;

/// The names of the rows: `prefix{scope:key}`. Only the part in braces chooses the slot of a cluster.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: Arc<str>,
}

impl Keys {
    /// `prefix` has been checked: it holds no braces, and nothing that [`pattern`](Self::pattern) would have to escape.
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    fn of(&self, scope: Scope, key: IdempotencyKey) -> String {
        format!("{}{{{scope}:{key}}}", self.prefix)
    }

    pub(crate) fn pattern(&self) -> String {
        format!("{}{{*}}", self.prefix)
    }

    /// The row of that name; `None` for a name that no version of this store gives.
    pub(crate) fn parse(&self, name: &[u8]) -> Option<(Scope, IdempotencyKey)> {
        let name = std::str::from_utf8(name).ok()?;
        let (scope, key) = name.strip_prefix(&*self.prefix)?.strip_prefix('{')?.strip_suffix('}')?.split_once(':')?;
        let id = (Scope::from_i32(scope.parse().ok()?), key.parse().ok()?);
        (self.of(id.0, id.1) == name).then_some(id)
    }

    pub(crate) fn claim(&self, request: &ClaimRequest) -> Call {
        scripts::CLAIM
            .on(&self.of(request.scope, request.key))
            .arg(request.fingerprint.as_bytes())
            .arg(millis(request.lease_time))
            .arg(millis(request.retention))
            .arg(u8::from(request.on_expired == OnExpired::Park))
            .arg(request.note.as_str())
    }

    pub(crate) fn settle(&self, fence: &Fence, state: State, reason: Option<&Note>) -> Call {
        let call = scripts::SETTLE.on(&self.of(fence.scope, fence.key)).arg(fence.token).arg(state.as_u8());
        match reason {
            Some(reason) => call.arg(reason.as_str()),
            None => call,
        }
    }

    pub(crate) fn extend(&self, fence: &Fence, lease_time: NonZeroDuration) -> Call {
        scripts::EXTEND.on(&self.of(fence.scope, fence.key)).arg(fence.token).arg(millis(lease_time))
    }

    pub(crate) fn forget(&self, scope: Scope, key: IdempotencyKey) -> Call {
        scripts::FORGET.on(&self.of(scope, key))
    }

    pub(crate) fn get(&self, scope: Scope, key: IdempotencyKey) -> Call {
        scripts::GET.on(&self.of(scope, key))
    }
}

/// Reads a value of the shape that a script answers with.
pub(crate) fn read<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    T::from_redis_value(value).map_err(broken)
}

pub(crate) fn claimed(value: Value, request: &ClaimRequest, asked_at: Instant) -> Result<Claim, StoreError> {
    let outcome = match read::<(u8, u64, u32)>(value)? {
        (0, token, attempt) => {
            let token = i64::try_from(token).map_err(broken)?;
            let fence = Fence { scope: request.scope, key: request.key, token, attempt };
            return Ok(Claim::Won(Lease::new(fence, asked_at, request.lease_time)));
        }
        (1, left, _) => return Ok(Claim::InFlight { retry_after: Duration::from_millis(left) }),
        (2, same, _) => (Outcome::Completed, same),
        (3, same, _) => (Outcome::Dead, same),
        (other, ..) => return Err(broken(format!("no claim is answered with {other}"))),
    };
    Ok(match outcome {
        (outcome, 1) => Claim::Duplicate(outcome),
        (outcome, _) => Claim::Conflict(outcome),
    })
}

pub(crate) fn fenced(value: Value) -> Result<Fenced, StoreError> {
    Ok(if yes(value)? { Fenced::Applied } else { Fenced::Lost })
}

/// Not read as a boolean, for which no answer at all would be a no.
pub(crate) fn yes(value: Value) -> Result<bool, StoreError> {
    match read(value)? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(broken(format!("{other} is neither yes nor no"))),
    }
}

pub(crate) fn record(value: Value, scope: Scope, key: IdempotencyKey) -> Result<Option<Record>, StoreError> {
    type Row = (u8, u64, u32, u64, u64, u64, Vec<u8>, String, Option<String>);
    let Some(row) = read::<Option<Row>>(value)? else { return Ok(None) };
    let (state, token, attempts, lease_left, first_at, expires_at, fingerprint, note, reason) = row;
    Ok(Some(Record {
        scope,
        key,
        fingerprint: Fingerprint::from_bytes(<[u8; 16]>::try_from(&*fingerprint).map_err(broken)?),
        state: State::from_u8(state).ok_or_else(|| broken(format!("there is no state {state}")))?,
        token: i64::try_from(token).map_err(broken)?,
        attempts,
        lease_left: Duration::from_millis(lease_left),
        first_at: date(first_at)?,
        expires_at: date(expires_at)?,
        note: Note::new(note),
        reason: reason.map(Note::new),
    }))
}

fn millis(duration: NonZeroDuration) -> i64 {
    duration.as_millis().min(CENTURY_MS)
}

fn date(millis: u64) -> Result<SystemTime, StoreError> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis)).ok_or_else(|| broken("a time that no clock shows"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let keys = Keys::new("shop:");
        let id = (Scope::from_i32(-7), IdempotencyKey::from_bytes([0xab; 16]));
        let name = keys.of(id.0, id.1);
        assert_eq!(name, format!("shop:{{-7:{}}}", "ab".repeat(16)));
        assert_eq!(keys.parse(name.as_bytes()), Some(id));
        let key = "ab".repeat(16);
        for other in [
            format!("other:{{-7:{key}}}"),
            format!("shop:{{+7:{key}}}"),
            format!("shop:{{-7:{}}}", key.to_uppercase()),
            format!("shop:{{-7:{key}}}x"),
            format!("shop:a:{{-7:{key}}}"),
            "shop:{-7}".to_owned(),
        ] {
            assert_eq!(keys.parse(other.as_bytes()), None, "{other}");
        }
        assert_eq!(keys.parse(b"shop:{\xff}"), None);
    }

    #[test]
    fn the_longest_times_stay_whole_in_lua() {
        let longest = millis(NonZeroDuration::new(Duration::MAX).unwrap());
        let year_2200 = 7_258_118_400_000;
        assert!(longest.checked_add(year_2200).unwrap() < 1 << 53);
    }

    #[test]
    fn answers_that_no_script_gives_are_broken() {
        let id = (Scope::from_i32(1), IdempotencyKey::from_bytes([1; 16]));
        for value in [Value::Okay, Value::Int(7), Value::Array(vec![Value::Int(1)])] {
            assert!(matches!(record(value, id.0, id.1), Err(StoreError::Broken { .. })));
        }
        for value in [Value::Nil, Value::Okay, Value::Int(2)] {
            assert!(matches!(fenced(value), Err(StoreError::Broken { .. })));
        }
    }
}
