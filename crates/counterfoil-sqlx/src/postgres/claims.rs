//! Claims, many in one statement.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::time::{Duration, Instant};

use counterfoil::idempotency::{
    Claim, ClaimRequest, Fence, Fingerprint, IdempotencyKey, Lease, NonZeroDuration, OnExpired, Outcome, Scope, State,
    StoreError,
};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use tokio::time::timeout;

use super::batch::{Asked, Batched};
use super::line::{Line, PATIENCE};
use super::records::{Records, seconds};
use super::{SharedText, millis, sql, text};
use crate::Tables;
use crate::decode::{fixed, state};
use crate::error::{Failure, Stage};
use crate::purging::Purging;

/// An event whose row another transaction committed a moment ago, or holds: its state is not known, so neither is when it
/// will be free.
const SOON: Duration = Duration::from_secs(1);

type Event = (Scope, IdempotencyKey);

/// Asks for a batch of claims, and purges now and then.
pub(super) struct Claims {
    claim_new: SharedText,
    claim: SharedText,
    records: Records,
    purging: Purging,
}

/// What the row of an event was when the statement ended.
#[derive(Debug, Clone, Copy)]
struct Answer {
    won: bool,
    state: State,
    token: i64,
    attempt: u32,
    fingerprint: Option<Fingerprint>,
    lease_left: Duration,
}

impl Batched for Claims {
    type Ask = ClaimRequest;
    type Answer = Claim;

    async fn run(&self, line: &mut Line, batch: Vec<Asked<Self>>) {
        let events = by_event(batch);
        if events.is_empty() {
            return;
        }
        match self.ask(line, &events).await {
            // One that cannot work must not cost the others anything.
            Err(failure) if failure.is_of_one() && events.len() > 1 => {
                for (event, copies) in events {
                    let alone = Events::from([(event, copies)]);
                    let said = self.ask(line, &alone).await;
                    answer(alone, &said);
                }
            }
            said => answer(events, &said),
        }
        self.purge(line).await;
    }
}

/// The copies of each event in a batch, in the order in which they came. One statement cannot name an event twice.
type Events = BTreeMap<Event, Vec<Asked<Claims>>>;

/// The rows that a statement answered, and the time from before it was sent: so that a slow network shortens leases and
/// never lengthens them.
type Said = Result<(HashMap<Event, Answer>, Instant), Failure>;

/// Leaves out those whose caller has gone: nobody would handle the event if it were won.
fn by_event(batch: Vec<Asked<Claims>>) -> Events {
    let mut events = Events::new();
    for asked in batch.into_iter().filter(|asked| !asked.is_abandoned()) {
        events.entry((asked.ask.scope, asked.ask.key)).or_default().push(asked);
    }
    events
}

fn answer(events: Events, said: &Said) {
    for (event, copies) in events {
        let mut first = None;
        for asked in copies {
            let claim = match said {
                Ok((answers, asked_at)) => Ok(claim(&asked.ask, answers.get(&event), first, *asked_at)),
                Err(failure) => Err(failure.clone().into()),
            };
            first = first.or(Some(asked.ask.lease_time));
            asked.answer(claim);
        }
    }
}

/// What a request is told. `first` is the lease of an earlier copy in the same batch, which has the event if it was won.
fn claim(request: &ClaimRequest, answer: Option<&Answer>, first: Option<NonZeroDuration>, asked_at: Instant) -> Claim {
    let Some(answer) = answer else { return Claim::InFlight { retry_after: SOON } };
    let outcome = match (answer.won, answer.state, first) {
        (true, _, None) => {
            let (scope, key) = (request.scope, request.key);
            let fence = Fence { scope, key, token: answer.token, attempt: answer.attempt };
            return Claim::Won(Lease::new(fence, asked_at, request.lease_time));
        }
        (true, _, Some(lease_time)) => return Claim::InFlight { retry_after: lease_time.get() },
        (false, State::Ready | State::Claimed, _) => return Claim::InFlight { retry_after: answer.lease_left },
        (false, State::Done, _) => Outcome::Completed,
        (false, State::Dead, _) => Outcome::Dead,
    };
    if answer.fingerprint == Some(request.fingerprint) { Claim::Duplicate(outcome) } else { Claim::Conflict(outcome) }
}

impl Claims {
    pub(super) fn new(tables: &Tables) -> Self {
        Self {
            claim_new: tables.statement(sql::CLAIM_NEW).into(),
            claim: tables.statement(sql::CLAIM).into(),
            records: Records::new(tables),
            purging: Purging::new(),
        }
    }

    async fn ask(&self, line: &mut Line, events: &Events) -> Said {
        let firsts: Vec<&ClaimRequest> = events.values().filter_map(|copies| Some(&copies.first()?.ask)).collect();
        let asked_at = Instant::now();
        if let [request] = firsts.as_slice()
            && let Some(answers) = self.ask_new(line, request).await?
        {
            return Ok((answers, asked_at));
        }
        let columns = Columns::of(&firsts);
        let connection = line.connect().await?;
        let asked_at = Instant::now();
        let answers = timeout(PATIENCE, columns.ask(self.claim.clone(), connection)).await;
        Ok((line.answered(Stage::Write, answers)?, asked_at))
    }

    /// Asks for one event; `None` where its row may be claimed again.
    async fn ask_new(
        &self,
        line: &mut Line,
        request: &ClaimRequest,
    ) -> Result<Option<HashMap<Event, Answer>>, Failure> {
        let claim = sqlx::query(AssertSqlSafe(self.claim_new.clone()))
            .bind(request.scope.as_i32())
            .bind(*request.key.as_bytes())
            .bind(*request.fingerprint.as_bytes())
            .bind(millis(request.lease_time))
            .bind(millis(request.retention))
            .bind(text(&request.note));
        let connection = line.connect().await?;
        let row = timeout(PATIENCE, claim.fetch_optional(connection)).await;
        let Some(row) = line.answered(Stage::Write, row)? else { return Ok(Some(HashMap::new())) };
        let answer = Answer::read_new(&row).map_err(|error| Failure::new(error, Stage::Write))?;
        Ok(answer.map(|answer| HashMap::from([((request.scope, request.key), answer)])))
    }

    /// Removes some rows whose retention has passed, at most once a second. It costs the batch that waits nothing that
    /// it would not pay later.
    async fn purge(&self, line: &mut Line) {
        if self.purging.take_turn()
            && let Err(failure) = self.records.purge(line, Purging::ROWS).await
        {
            let error = StoreError::from(failure);
            let error: &dyn Error = &error;
            tracing::warn!(target: "counterfoil", error, "expired events could not be purged");
        }
    }
}

/// The requests of a batch, as arrays.
struct Columns {
    scopes: Vec<i32>,
    keys: Vec<[u8; 16]>,
    fingerprints: Vec<[u8; 16]>,
    leases: Vec<f64>,
    retentions: Vec<f64>,
    parks: Vec<bool>,
    notes: Vec<String>,
}

impl Columns {
    fn of(requests: &[&ClaimRequest]) -> Self {
        Self {
            scopes: requests.iter().map(|request| request.scope.as_i32()).collect(),
            keys: requests.iter().map(|request| *request.key.as_bytes()).collect(),
            fingerprints: requests.iter().map(|request| *request.fingerprint.as_bytes()).collect(),
            leases: requests.iter().map(|request| millis(request.lease_time)).collect(),
            retentions: requests.iter().map(|request| millis(request.retention)).collect(),
            parks: requests.iter().map(|request| request.on_expired == OnExpired::Park).collect(),
            notes: requests.iter().map(|request| text(&request.note)).collect(),
        }
    }

    async fn ask(self, text: SharedText, connection: &mut PgConnection) -> Result<HashMap<Event, Answer>, sqlx::Error> {
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(self.scopes)
            .bind(self.keys)
            .bind(self.fingerprints)
            .bind(self.leases)
            .bind(self.retentions)
            .bind(self.parks)
            .bind(self.notes)
            .fetch_all(connection)
            .await?;
        rows.iter().map(Answer::read).collect()
    }
}

impl Answer {
    /// `None` where the row may be claimed again.
    fn read_new(row: &PgRow) -> Result<Option<Self>, sqlx::Error> {
        if let Some(token) = row.try_get(0)? {
            let state = State::Claimed;
            return Ok(Some(Self {
                won: true,
                state,
                token,
                attempt: 1,
                fingerprint: None,
                lease_left: Duration::ZERO,
            }));
        }
        if row.try_get(4)? {
            return Ok(None);
        }
        Ok(Some(Self {
            won: false,
            state: state(row.try_get(1)?)?,
            token: 0,
            attempt: 0,
            fingerprint: Some(Fingerprint::from_bytes(fixed(row.try_get(2)?)?)),
            lease_left: seconds(row.try_get(3)?),
        }))
    }

    fn read(row: &PgRow) -> Result<(Event, Self), sqlx::Error> {
        let event = (Scope::from_i32(row.try_get(0)?), IdempotencyKey::from_bytes(fixed(row.try_get(1)?)?));
        let attempts: i32 = row.try_get(5)?;
        let fingerprint: Option<&[u8]> = row.try_get(6)?;
        let answer = Self {
            won: row.try_get(2)?,
            state: state(row.try_get(3)?)?,
            token: row.try_get(4)?,
            attempt: u32::try_from(attempts).map_err(|error| sqlx::Error::Decode(error.into()))?,
            fingerprint: fingerprint.map(fixed).transpose()?.map(Fingerprint::from_bytes),
            lease_left: seconds(row.try_get(7)?),
        };
        Ok((event, answer))
    }
}
