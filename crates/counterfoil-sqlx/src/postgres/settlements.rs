//! Completions, burials and releases, many in one statement.

use std::collections::{BTreeMap, HashMap};

use counterfoil::idempotency::{Fence, Fenced, IdempotencyKey, Note, Scope, State};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use tokio::time::timeout;

use super::batch::{Asked, Batched, unavailable};
use super::line::{Line, PATIENCE};
use super::{SharedText, sql, text};
use crate::Tables;
use crate::decode::fixed;
use crate::engine::Held;
use crate::error::{Failure, Stage};

/// Asks for a batch of settlements.
pub(super) struct Settlements {
    settle: SharedText,
}

/// How a claimed event is to be left.
pub(super) struct Settlement {
    pub(super) fence: Fence,
    pub(super) state: State,
    pub(super) reason: Option<Note>,
}

/// The settlements of each claim, in the order in which they came: the first is asked for, the others come too late.
type Claims = BTreeMap<Held, Vec<Asked<Settlements>>>;

/// Claims that were there, and whether they were settled.
type Said = Result<HashMap<Held, bool>, Failure>;

impl Batched for Settlements {
    type Ask = Settlement;
    type Answer = Fenced;

    async fn run(&self, line: &mut Line, batch: Vec<Asked<Self>>) {
        let mut claims = Claims::new();
        for asked in batch {
            let Fence { scope, key, token, .. } = asked.ask.fence;
            claims.entry((scope, key, token)).or_default().push(asked);
        }
        match self.ask(line, &claims).await {
            // One that cannot work must not cost the others anything.
            Err(failure) if failure.is_of_one() && claims.len() > 1 => {
                for (held, asked) in claims {
                    let alone = Claims::from([(held, asked)]);
                    let said = self.ask(line, &alone).await;
                    answer(alone, &said);
                }
            }
            said => answer(claims, &said),
        }
    }
}

fn answer(claims: Claims, said: &Said) {
    for (held, settlements) in claims {
        for (index, asked) in settlements.into_iter().enumerate() {
            asked.answer(match said {
                Ok(claims) => match claims.get(&held) {
                    Some(true) if index == 0 => Ok(Fenced::Applied),
                    Some(false) => Err(unavailable("another transaction holds the event's row")),
                    Some(true) | None => Ok(Fenced::Lost),
                },
                Err(failure) => Err(failure.clone().into()),
            });
        }
    }
}

impl Settlements {
    pub(super) fn new(tables: &Tables) -> Self {
        Self { settle: tables.statement(sql::SETTLE).into() }
    }

    async fn ask(&self, line: &mut Line, claims: &Claims) -> Said {
        let columns = Columns::of(claims);
        let connection = line.connect().await?;
        let settled = timeout(PATIENCE, columns.ask(self.settle.clone(), connection)).await;
        line.answered(Stage::Write, settled)
    }
}

/// The settlements of a batch, as arrays.
struct Columns {
    scopes: Vec<i32>,
    keys: Vec<[u8; 16]>,
    tokens: Vec<i64>,
    states: Vec<i16>,
    reasons: Vec<Option<String>>,
}

impl Columns {
    fn of(claims: &Claims) -> Self {
        let firsts: Vec<&Settlement> = claims.values().filter_map(|asked| Some(&asked.first()?.ask)).collect();
        Self {
            scopes: firsts.iter().map(|settlement| settlement.fence.scope.as_i32()).collect(),
            keys: firsts.iter().map(|settlement| *settlement.fence.key.as_bytes()).collect(),
            tokens: firsts.iter().map(|settlement| settlement.fence.token).collect(),
            states: firsts.iter().map(|settlement| i16::from(settlement.state.as_u8())).collect(),
            reasons: firsts.iter().map(|settlement| settlement.reason.as_ref().map(text)).collect(),
        }
    }

    async fn ask(self, text: SharedText, connection: &mut PgConnection) -> Result<HashMap<Held, bool>, sqlx::Error> {
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(self.scopes)
            .bind(self.keys)
            .bind(self.tokens)
            .bind(self.states)
            .bind(self.reasons)
            .fetch_all(connection)
            .await?;
        let mut claims = HashMap::new();
        for row in &rows {
            let key = IdempotencyKey::from_bytes(fixed(row.try_get(1)?)?);
            let held = (Scope::from_i32(row.try_get(0)?), key, row.try_get(2)?);
            *claims.entry(held).or_default() |= row.try_get::<bool, _>(3)?;
        }
        Ok(claims)
    }
}
