//! What must hold of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::attack::Ended;
use crate::honest::Sent;
use crate::service::Example;

const MIB: usize = 1024 * 1024;

/// What a service may come to have in memory beside what attackers make it keep.
const ROOM: usize = 64 * MIB;

/// What a slow attacker may cost while it is open. Without optimisation futures are larger, and so is the queue of honest
/// deliveries.
pub(crate) const SLOW: usize = if cfg!(debug_assertions) { 64 * 1024 } else { 20 * 1024 };

/// Slow attackers come again as soon as they are cut off, all of them within a second or two: the memory of those that were
/// cut is then not yet free, or free in pieces, beside that of those that come.
const WAVES: usize = 2;

/// What honest deliveries may add meanwhile: connections, pages of a database, what has been handled.
const HONEST: usize = 4 * MIB;

/// So many attackers at the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Attack {
    Slow(usize),
    Bombs(usize),
    Heads(usize),
}

impl Attack {
    pub(crate) fn sockets(self) -> usize {
        match self {
            Self::Slow(sockets) | Self::Bombs(sockets) | Self::Heads(sockets) => sockets,
        }
    }
}

/// The service while all slow attackers are there, none of them has been cut off yet, and nobody else sends anything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crowd {
    /// Connections that it has accepted, and not ended.
    pub(crate) open: usize,
    /// Bytes that it had in memory just before.
    pub(crate) before: usize,
    /// Bytes that it has in memory.
    pub(crate) bytes: usize,
}

/// What was seen during one attack, or without one.
#[derive(Debug, Clone)]
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) attack: Option<Attack>,
    /// Bytes that the service had in memory when it began.
    pub(crate) before: usize,
    /// Of an attack that is slow.
    pub(crate) crowd: Option<Crowd>,
    /// The most bytes that it had until the end.
    pub(crate) peak: usize,
    pub(crate) ended: Vec<Ended>,
    /// How long honest deliveries waited.
    pub(crate) waits: Vec<Duration>,
    /// How many of them had to be sent again.
    pub(crate) again: usize,
}

impl Phase {
    /// Bytes that each slow attacker costs while it is open, and how many are.
    pub(crate) fn each(&self) -> Option<(usize, usize)> {
        let Crowd { open, before, bytes } = self.crowd?;
        Some((bytes.saturating_sub(before).checked_div(open)?, open))
    }
}

/// All that is known of a run.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) example: Example,
    pub(crate) sent: Vec<Sent>,
    /// Events that were not sent by the honest sender, and are events all the same.
    pub(crate) others: usize,
    /// How often the service says to have applied each event.
    pub(crate) applied: BTreeMap<String, u64>,
    pub(crate) phases: Vec<Phase>,
    pub(crate) is_alive: bool,
    /// Whether it ended well when it was told to.
    pub(crate) stopped: bool,
    pub(crate) errors: Vec<String>,
}

/// A law that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Broken {
    /// An honest delivery was not answered with 200 in the end, as a new event where it was sent once.
    NotTaken(Result<(u16, bool), String>),
    /// So many were sent, so many were applied, and so often.
    NotOnce { sent: usize, applied: usize, times: u64 },
    /// An attacker was not cut off, or not with the answer that is right.
    NotRefused { script: &'static str, status: Option<u16>, cut: bool, sent: usize },
    /// No attacker came.
    NoAttack(&'static str),
    /// The service did not have even half of the slow attackers open at the same time: what each costs is not known.
    NotTogether { phase: &'static str, open: usize, sockets: usize },
    /// A slow attacker cost so many bytes while it was open, and may cost so many.
    TooDear { phase: &'static str, bytes: usize, most: usize },
    /// The service had so many bytes in memory, and may have had so many.
    TooLarge { phase: &'static str, bytes: usize, most: usize },
    /// The service ended by itself.
    Dead,
    /// The service did not end well when it was told to.
    NotStopped,
    /// A line of the service's log.
    Error(String),
}

impl History {
    pub(crate) fn broken(&self) -> Vec<Broken> {
        let mut broken = Vec::new();
        let not_taken =
            self.sent.iter().filter(|sent| !matches!(sent.answer, Ok((200, is_copy)) if !is_copy || sent.tries > 1));
        broken.extend(not_taken.map(|sent| Broken::NotTaken(sent.answer.clone())));
        let (sent, applied, times) = (self.sent.len(), self.applied.len(), self.applied.values().sum());
        if applied != sent + self.others || usize::try_from(times) != Ok(applied) {
            broken.push(Broken::NotOnce { sent, applied, times });
        }
        for phase in &self.phases {
            let wrong = phase.ended.iter().filter(|ended| !ended.is_right);
            broken.extend(wrong.map(|&Ended { script, status, cut, sent, .. }| Broken::NotRefused {
                script,
                status,
                cut,
                sent,
            }));
            if phase.attack.is_some_and(|attack| phase.ended.len() < attack.sockets()) {
                broken.push(Broken::NoAttack(phase.name));
            }
            broken.extend(crowded(phase));
            if let Some(most) = self.most(phase).filter(|&most| phase.peak > most) {
                broken.push(Broken::TooLarge { phase: phase.name, bytes: phase.peak, most });
            }
        }
        if !self.is_alive {
            broken.push(Broken::Dead);
        }
        if !self.stopped {
            broken.push(Broken::NotStopped);
        }
        broken.extend(self.errors.iter().cloned().map(Broken::Error));
        broken
    }

    /// The most bytes that the service may have in memory.
    pub(crate) fn most(&self, phase: &Phase) -> Option<usize> {
        let room = phase.before + ROOM;
        Some(match phase.attack? {
            Attack::Slow(sockets) => phase.before + WAVES * SLOW * sockets + HONEST,
            Attack::Bombs(together) => room + self.example.body_limit() * together,
            Attack::Heads(sockets) => room + self.example.head_limit() * sockets,
        })
    }
}

/// On a machine that is busy the first may be cut off before the last has come; those that are there are counted.
fn crowded(phase: &Phase) -> Option<Broken> {
    let (name, Attack::Slow(sockets)) = (phase.name, phase.attack?) else { return None };
    match phase.each() {
        Some((bytes, open)) if 2 * open >= sockets => {
            (bytes > SLOW).then_some(Broken::TooDear { phase: name, bytes, most: SLOW })
        }
        each => Some(Broken::NotTogether { phase: name, open: each.map_or(0, |(_, open)| open), sockets }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// One honest delivery, and an attacker in each phase that was cut off as it should.
    fn right() -> History {
        let ended = Ended {
            script: "x",
            status: Some(408),
            cut: true,
            after: Duration::ZERO,
            sent: 9,
            is_right: true,
            is_late: false,
        };
        let phase = |name, attack| Phase {
            name,
            attack,
            before: 20 * MIB,
            crowd: matches!(attack, Some(Attack::Slow(_))).then_some(Crowd {
                open: 1,
                before: 20 * MIB,
                bytes: 20 * MIB,
            }),
            peak: 20 * MIB,
            ended: if attack.is_some() { vec![ended.clone()] } else { Vec::new() },
            waits: Vec::new(),
            again: 0,
        };
        let attacks = [None, Some(Attack::Slow(1)), Some(Attack::Bombs(1)), Some(Attack::Heads(1))];
        History {
            example: Example::Axum,
            sent: vec![Sent { due: Instant::now(), waited: Duration::ZERO, tries: 1, answer: Ok((200, false)) }],
            others: 0,
            applied: [("a".to_owned(), 1)].into(),
            phases: ["none", "slow", "bombs", "heads"]
                .into_iter()
                .zip(attacks)
                .map(|(name, attack)| phase(name, attack))
                .collect(),
            is_alive: true,
            stopped: true,
            errors: Vec::new(),
        }
    }

    fn broken(change: impl FnOnce(&mut History)) -> Vec<Broken> {
        let mut history = right();
        change(&mut history);
        history.broken()
    }

    #[test]
    fn each_law_can_be_broken() {
        assert_eq!(right().broken(), []);
        for answer in [Ok((503, false)), Ok((200, true)), Err("reset".to_owned())] {
            assert_eq!(broken(|h| h.sent[0].answer = answer.clone()), [Broken::NotTaken(answer)]);
        }
        let again = |h: &mut History| (h.sent[0].tries, h.sent[0].answer) = (2, Ok((200, true)));
        assert_eq!(broken(again), []);
        let not_once = |applied, times| [Broken::NotOnce { sent: 1, applied, times }];
        assert_eq!(broken(|h| h.applied.clear()), not_once(0, 0));
        assert_eq!(broken(|h| _ = h.applied.insert("a".to_owned(), 2)), not_once(1, 2));
        assert_eq!(broken(|h| h.others = 1), not_once(1, 1));
        assert_eq!(broken(|h| _ = h.applied.insert("b".to_owned(), 1)), not_once(2, 2));
        for (index, phase) in [(1, "slow"), (2, "bombs"), (3, "heads")] {
            let wrong = Broken::NotRefused { script: "x", status: Some(408), cut: true, sent: 9 };
            assert_eq!(broken(|h| h.phases[index].ended[0].is_right = false), [wrong]);
            assert_eq!(broken(|h| h.phases[index].ended.clear()), [Broken::NoAttack(phase)]);
            let most = right().most(&right().phases[index]).unwrap();
            assert_eq!(broken(|h| h.phases[index].peak = most), []);
            let too_large = Broken::TooLarge { phase, bytes: most + 1, most };
            assert_eq!(broken(|h| h.phases[index].peak = most + 1), [too_large]);
        }
        assert_eq!(broken(|h| h.is_alive = false), [Broken::Dead]);
        assert_eq!(broken(|h| h.stopped = false), [Broken::NotStopped]);
        assert_eq!(broken(|h| h.errors.push("ERROR".to_owned())), [Broken::Error("ERROR".to_owned())]);
    }

    #[test]
    fn memory_is_counted_by_attacker() {
        let most = |index: usize| right().most(&right().phases[index]);
        let slow = 24 * MIB + 2 * SLOW;
        assert_eq!([most(1), most(2), most(3)], [slow, 85 * MIB, 84 * MIB + 32 * 1024].map(Some));
    }

    #[test]
    fn a_slow_attacker_costs_what_was_added_while_all_are_open() {
        let crowd = |open, bytes| {
            broken(|h| {
                h.phases[1].attack = Some(Attack::Slow(4));
                let ended = h.phases[1].ended[0].clone();
                h.phases[1].ended = vec![ended; 4];
                h.phases[1].crowd = Some(Crowd { open, before: 20 * MIB, bytes: 20 * MIB + bytes });
            })
        };
        let too_dear = |bytes| [Broken::TooDear { phase: "slow", bytes, most: SLOW }];
        assert_eq!(crowd(4, 4 * SLOW), []);
        assert_eq!(crowd(4, 4 * SLOW + 4), too_dear(SLOW + 1));
        // Shared among those that are there, not among those that were to be.
        assert_eq!(crowd(2, 2 * SLOW), []);
        assert_eq!(crowd(2, 4 * SLOW), too_dear(2 * SLOW));
        for open in [0, 1] {
            assert_eq!(crowd(open, 0), [Broken::NotTogether { phase: "slow", open, sockets: 4 }]);
        }
        let not_seen = Broken::NotTogether { phase: "slow", open: 0, sockets: 1 };
        assert_eq!(broken(|h| h.phases[1].crowd = None), [not_seen]);
    }
}
