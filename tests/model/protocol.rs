//! What the store and the receiver do, as shipped and in weaker forms.

use crate::world::{Act, Row, Step, Worker, World};

/// Where a handler's effect lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In the store's own database: effect and completion commit in one step, if the row is still held.
    Transaction,
    /// Anywhere else: the effect first, the completion after it.
    Lease,
}

/// The protocol, and each way in which it might have been weaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// As shipped, with `OnExpired::Takeover`.
    Shipped,
    /// As shipped, with `OnExpired::Park`.
    Park,
    /// Completing compares neither token nor state.
    UnfencedCompletion,
    /// Releasing compares neither token nor state.
    UnfencedRelease,
    /// A 2xx is sent as soon as the event is claimed.
    AckBeforeDurable,
    /// A duplicate of an event that is being handled is answered 200.
    OkInFlight,
    /// Rows are removed before the sender has stopped.
    EarlyPurge,
    /// A claim that takes over keeps the token of the one before.
    TokenKept,
    /// A claim whose lease has passed still holds the event.
    NoTakeover,
}

/// What a claim finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Won,
    Parked,
    InFlight,
    Done,
    Dead,
}

impl Protocol {
    pub(crate) fn find(self, row: Row) -> Found {
        match row {
            Row::Absent | Row::Ready => Found::Won,
            Row::Claimed { lapsed: true } if self == Self::Park => Found::Parked,
            Row::Claimed { lapsed: true } if self != Self::NoTakeover => Found::Won,
            Row::Claimed { .. } => Found::InFlight,
            Row::Done => Found::Done,
            Row::Dead => Found::Dead,
        }
    }

    /// Whether a write under `token` takes hold: it compares token and state, unless the protocol is without
    /// that fence.
    fn may_write(self, unfenced: Self, world: &World, token: u8) -> bool {
        world.is_held_under(token) || (self == unfenced && world.row != Row::Absent)
    }

    /// Takes a step, or is `None` where it is not possible.
    pub(crate) fn take(self, mode: Mode, world: &mut World, step: Step) -> Option<()> {
        let live = world.row == Row::Claimed { lapsed: false };
        match step {
            Step::Send => {
                spend(&mut world.left.sends)?;
                world.on_the_way += 1;
            }
            Step::Retry if world.is_quiet() && !world.acked => {
                spend(&mut world.left.retries)?;
                world.on_the_way += 1;
            }
            Step::Lapse if live => world.row = Row::Claimed { lapsed: true },
            Step::Age if world.sender_has_stopped() && !world.retention_over => {
                world.left.sends = 0;
                world.left.retries = 0;
                world.retention_over = true;
            }
            Step::Purge if !live && (world.retention_over || self == Self::EarlyPurge) => world.row = Row::Absent,
            Step::Work(at, act) => {
                world.workers[at] = self.act(mode, world, world.workers[at], act)?;
                world.workers.sort_unstable();
            }
            Step::Retry | Step::Lapse | Step::Age | Step::Purge => return None,
        }
        Some(())
    }

    /// What the worker does next.
    fn act(self, mode: Mode, world: &mut World, worker: Worker, act: Act) -> Option<Worker> {
        let token = worker.token().unwrap_or_default();
        Some(match act {
            Act::Take => {
                spend(&mut world.on_the_way)?;
                Worker::Asked
            }
            Act::Claim => self.claim(world),
            Act::Run => self.run(mode, world, token),
            Act::Release => {
                spend(&mut world.left.failures)?;
                self.release(world, token);
                Worker::Idle
            }
            Act::Stop if !world.is_held_under(token) || world.row == Row::Claimed { lapsed: true } => {
                spend(&mut world.left.failures)?;
                self.release(world, token);
                Worker::Looking
            }
            Act::Stop => return None,
            Act::Bury => {
                spend(&mut world.left.rejects)?;
                if world.is_held_under(token) {
                    world.row = Row::Dead;
                    Worker::Idle
                } else {
                    Worker::Looking
                }
            }
            Act::Complete => self.complete(world, worker, token),
            // The effect has happened: a refusal now would cause a repeat.
            Act::Miss => {
                spend(&mut world.left.outages)?;
                world.acked = true;
                Worker::Late(token)
            }
            Act::Look if world.row == Row::Done => Worker::Acking,
            Act::Answer => {
                world.acked = true;
                Worker::Idle
            }
            Act::Look | Act::GiveUp => Worker::Idle,
            Act::Crash => {
                spend(&mut world.left.crashes)?;
                Worker::Idle
            }
        })
    }

    fn claim(self, world: &mut World) -> Worker {
        match self.find(world.row) {
            Found::Won => {
                let taken_over = world.row == Row::Claimed { lapsed: true };
                world.takeovers += u8::from(taken_over);
                world.token += u8::from(!taken_over || self != Self::TokenKept);
                world.row = Row::Claimed { lapsed: false };
                world.acked |= self == Self::AckBeforeDurable;
                Worker::Holding(world.token)
            }
            Found::Parked => {
                world.row = Row::Dead;
                Worker::Idle
            }
            Found::InFlight if self == Self::OkInFlight => Worker::Acking,
            Found::Done => Worker::Acking,
            Found::InFlight | Found::Dead => Worker::Idle,
        }
    }

    fn run(self, mode: Mode, world: &mut World, token: u8) -> Worker {
        if mode == Mode::Transaction {
            // Otherwise the transaction is rolled back, and so the handler fails.
            if !self.may_write(Self::UnfencedCompletion, world, token) {
                self.release(world, token);
                return Worker::Idle;
            }
            world.row = Row::Done;
        }
        world.effects += 1;
        Worker::Ran(token)
    }

    fn complete(self, world: &mut World, worker: Worker, token: u8) -> Worker {
        let applied = self.may_write(Self::UnfencedCompletion, world, token);
        if applied {
            world.row = Row::Done;
        }
        match (worker, applied) {
            (Worker::Late(_), _) => Worker::Idle,
            (_, true) => Worker::Acking,
            (_, false) => Worker::Looking,
        }
    }

    fn release(self, world: &mut World, token: u8) {
        if self.may_write(Self::UnfencedRelease, world, token) {
            world.row = Row::Ready;
        }
    }
}

fn spend(left: &mut u8) -> Option<()> {
    *left = left.checked_sub(1)?;
    Some(())
}
