//! What must hold of a run, judged by what the sender was told, what really happened, and what the store says.

use std::collections::{BTreeMap, HashMap};

use counterfoil::idempotency::{Record, State};

use crate::front::Hit;
use crate::log::{Answer, Said};
use crate::terms::Effect;

/// How often an event may have its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Exactly once.
    Once,
    /// At least once; more often only where the store gave the event to another attempt.
    Repeats,
}

/// All that is known of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// By event.
    pub(crate) answers: BTreeMap<String, Vec<Answer>>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) rows: Vec<Row>,
    /// What failpoints did not do.
    pub(crate) missed: Vec<Hit>,
    /// What the store's engine finds wrong with its files.
    pub(crate) damage: Option<String>,
    /// A line of a receiver's log.
    pub(crate) panic: Option<String>,
}

/// What the store says of one event.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) event: String,
    pub(crate) state: State,
    pub(crate) attempts: i64,
    pub(crate) token: i64,
}

impl From<&Record> for Row {
    fn from(record: &Record) -> Self {
        let event = record.note.as_str().rsplit(' ').next().unwrap_or_default().to_owned();
        Self { event, state: record.state, attempts: record.attempts.into(), token: record.token }
    }
}

/// A law that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The event was never acknowledged.
    NotAcked(String),
    /// It was answered with something else than 2xx, 500, 503 or a broken connection.
    Answered(String, u16),
    /// It was acknowledged before it had an effect.
    AckedTooSoon(String),
    /// It was acknowledged, and has no effect.
    Lost(String),
    /// It has more effects than the one that was promised.
    Doubled(String),
    /// It has two effects of one attempt, or of a later attempt under an older token, or of more attempts than the
    /// store knows.
    Unexplained(String),
    /// It has an effect, and the sender never sent it.
    Unknown(String),
    /// It is not exactly once in the store, as done.
    NotDone(String),
    /// The attempt that completed it has no effect.
    Hollow(String),
    /// All in all there are so many repeats, and only so many claims of events that had been claimed before.
    TooManyRepeats(i64, i64),
    /// The run never came there, and says nothing about it.
    Missed(Hit),
    /// The store's files are damaged.
    Damaged(String),
    /// A receiver panicked.
    Panicked(String),
}

impl History {
    pub(crate) fn judge(&self, promise: Promise) -> Vec<Broken> {
        let (effects, rows) = (self.effects_by_event(), self.rows_by_event());
        let mut broken = Vec::new();
        for (event, answers) in &self.answers {
            let effects = effects.get(&**event).map_or(&[][..], Vec::as_slice);
            told(event, answers, effects, &mut broken);
            match rows.get(&**event).map_or(&[][..], Vec::as_slice) {
                [row] if row.state == State::Done => kept(row, effects, &mut broken),
                _ => broken.push(Broken::NotDone(event.clone())),
            }
            if promise == Promise::Once && effects.len() > 1 {
                broken.push(Broken::Doubled(event.clone()));
            }
        }
        let unknown = effects.keys().filter(|event| !self.answers.contains_key(**event));
        broken.extend(unknown.map(|event| Broken::Unknown((*event).to_owned())));
        let repeats: i64 = effects.values().map(|effects| count(effects) - 1).sum();
        let takeovers = self.rows.iter().map(|row| row.attempts - 1).sum();
        if repeats > takeovers {
            broken.push(Broken::TooManyRepeats(repeats, takeovers));
        }
        broken.extend(self.missed.iter().copied().map(Broken::Missed));
        broken.extend(self.damage.clone().map(Broken::Damaged));
        broken.extend(self.panic.clone().map(Broken::Panicked));
        broken
    }

    /// By token, which is the order of the attempts.
    fn effects_by_event(&self) -> HashMap<&str, Vec<&Effect>> {
        let mut by_event: HashMap<&str, Vec<&Effect>> = HashMap::new();
        for effect in &self.effects {
            by_event.entry(&effect.event).or_default().push(effect);
        }
        by_event.values_mut().for_each(|effects| effects.sort_by_key(|effect| effect.token));
        by_event
    }

    fn rows_by_event(&self) -> HashMap<&str, Vec<&Row>> {
        let mut by_event: HashMap<&str, Vec<&Row>> = HashMap::new();
        for row in &self.rows {
            by_event.entry(&row.event).or_default().push(row);
        }
        by_event
    }

    /// Everything about `event`, for people.
    pub(crate) fn about(&self, event: &str) -> String {
        let answers = self.answers.get(event).map_or(&[][..], Vec::as_slice);
        let effects: Vec<_> = self.effects.iter().filter(|effect| effect.event == event).collect();
        let rows: Vec<_> = self.rows.iter().filter(|row| row.event == event).collect();
        format!("{event}: {answers:?}\n  {effects:?}\n  {rows:?}")
    }
}

impl Broken {
    /// The event that it is about.
    pub(crate) fn event(&self) -> Option<&str> {
        match self {
            Self::NotAcked(event)
            | Self::Answered(event, _)
            | Self::AckedTooSoon(event)
            | Self::Lost(event)
            | Self::Doubled(event)
            | Self::Unexplained(event)
            | Self::Unknown(event)
            | Self::NotDone(event)
            | Self::Hollow(event) => Some(event),
            Self::TooManyRepeats(..) | Self::Missed(_) | Self::Damaged(_) | Self::Panicked(_) => None,
        }
    }
}

/// Whether the sender was told the truth.
fn told(event: &str, answers: &[Answer], effects: &[&Effect], broken: &mut Vec<Broken>) {
    let other = answers.iter().filter_map(|answer| match answer.said {
        Said::Other(status) => Some(Broken::Answered(event.to_owned(), status)),
        _ => None,
    });
    broken.extend(other);
    let mut acks = answers.iter().filter(|answer| answer.said.is_ack()).peekable();
    if acks.peek().is_none() {
        broken.push(Broken::NotAcked(event.to_owned()));
    } else if effects.is_empty() {
        broken.push(Broken::Lost(event.to_owned()));
    }
    if acks.any(|ack| !ack.effect_seen) {
        broken.push(Broken::AckedTooSoon(event.to_owned()));
    }
}

/// Whether the effects are those of the attempts that the store knows of. They are in the order of their tokens.
fn kept(row: &Row, effects: &[&Effect], broken: &mut Vec<Broken>) {
    let ordered = effects.is_sorted_by(|one, next| one.token < next.token && one.attempt < next.attempt);
    let counted = effects.iter().all(|effect| (1..=row.attempts).contains(&effect.attempt));
    if !ordered || !counted {
        broken.push(Broken::Unexplained(row.event.clone()));
    }
    if !effects.iter().any(|effect| effect.token == row.token) {
        broken.push(Broken::Hollow(row.event.clone()));
    }
}

fn count<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::Point;

    const ACK: Answer = Answer { said: Said::Handled, effect_seen: true };

    fn effect(attempt: i64, token: i64) -> Effect {
        Effect { event: "a".to_owned(), attempt, token }
    }

    /// One event that died after its effect and was taken over: right, where repeats are.
    fn repeated() -> History {
        let cut = Answer { said: Said::CutOff, effect_seen: false };
        let busy = Answer { said: Said::Failed(503), effect_seen: false };
        let row = Row { event: "a".to_owned(), state: State::Done, attempts: 2, token: 9 };
        History {
            answers: [("a".to_owned(), vec![cut, busy, ACK])].into(),
            effects: vec![effect(1, 5), effect(2, 9)],
            rows: vec![row],
            ..History::default()
        }
    }

    fn broken(change: impl FnOnce(&mut History)) -> Vec<Broken> {
        let mut history = repeated();
        change(&mut history);
        history.judge(Promise::Repeats)
    }

    #[test]
    fn a_repeat_after_a_takeover_breaks_exactly_once_alone() {
        assert_eq!(repeated().judge(Promise::Repeats), []);
        assert_eq!(repeated().judge(Promise::Once), [Broken::Doubled("a".to_owned())]);
    }

    #[test]
    fn each_law_can_be_broken() {
        let a = || "a".to_owned();
        assert_eq!(broken(|h| _ = h.answers.entry(a()).or_default().pop()), [Broken::NotAcked(a())]);
        let refused = Answer { said: Said::Other(422), effect_seen: false };
        assert_eq!(broken(|h| h.answers.entry(a()).or_default().push(refused)), [Broken::Answered(a(), 422)]);
        let soon = Answer { effect_seen: false, ..ACK };
        assert_eq!(broken(|h| h.answers.entry(a()).or_default().push(soon)), [Broken::AckedTooSoon(a())]);
        assert_eq!(broken(|h| h.effects.clear()), [Broken::Lost(a()), Broken::Hollow(a())]);
        assert_eq!(broken(|h| h.effects[0].attempt = 2), [Broken::Unexplained(a())]);
        assert_eq!(broken(|h| h.effects[0].token = 9), [Broken::Unexplained(a())]);
        assert_eq!(broken(|h| h.effects[1].attempt = 3), [Broken::Unexplained(a())]);
        assert_eq!(broken(|h| h.effects[0].token = 10), [Broken::Unexplained(a())]);
        assert_eq!(broken(|h| h.effects[1].token = 8), [Broken::Hollow(a())]);
        assert_eq!(broken(|h| h.effects[0].event = "b".to_owned()), [Broken::Unknown("b".to_owned())]);
        for state in [State::Ready, State::Claimed, State::Dead] {
            assert_eq!(broken(|h| h.rows[0].state = state), [Broken::NotDone(a())]);
        }
        assert_eq!(broken(|h| h.rows.push(h.rows[0].clone())), [Broken::NotDone(a())]);
        assert_eq!(broken(|h| h.rows.clear()), [Broken::NotDone(a()), Broken::TooManyRepeats(1, 0)]);
        let missed = Hit::Killed(Point::AfterClaim);
        assert_eq!(broken(|h| h.missed.push(missed)), [Broken::Missed(missed)]);
        assert_eq!(broken(|h| h.damage = Some(a())), [Broken::Damaged(a())]);
        assert_eq!(broken(|h| h.panic = Some(a())), [Broken::Panicked(a())]);
    }
}
