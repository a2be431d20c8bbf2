//! What must hold of every run, judged by the world before and after each step, not by what the protocol meant.

use stateright::{Model, Property};

use crate::protocol::{Found, Mode, Protocol};
use crate::world::{Act, Budget, Row, Step, World};

pub(crate) const I1: &str = "I1: at most one committed effect per key";
pub(crate) const I2: &str = "I2: a 2xx is sent only if the effect is durable";
pub(crate) const I3: &str = "I3: tokens grow per key";
pub(crate) const I4: &str = "I4: only the holder of the current token changes a claimed row";
pub(crate) const I5: &str = "I5: done never leaves before the retention has ended";
pub(crate) const I6: &str = "I6: an expired lease is always claimable";
/// What lease mode keeps of I1.
pub(crate) const REPEATS: &str = "effects <= 1 + takeovers";
pub(crate) const ACKED: &str = "a sender that keeps retrying is answered 2xx";

/// Examples: without them a law might hold because nothing happens.
pub(crate) const SETTLED: &str = "an event is acknowledged, and its row purged in the end";
pub(crate) const TAKEN_OVER: &str = "a lease is taken over";

/// A protocol to be explored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claims {
    pub(crate) protocol: Protocol,
    pub(crate) mode: Mode,
    pub(crate) workers: usize,
    pub(crate) budget: Budget,
}

impl Model for Claims {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.workers, self.budget)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        steps.extend([Step::Send, Step::Retry, Step::Lapse, Step::Age, Step::Purge]);
        for (at, worker) in world.workers.iter().enumerate() {
            // Of workers that do the same, one is enough.
            if at == 0 || world.workers[at - 1] != *worker {
                steps.extend(worker.acts().iter().map(|act| Step::Work(at, *act)));
            }
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut after = before.clone();
        self.protocol.take(self.mode, &mut after, step)?;
        for (law, breaks) in JUDGES {
            if breaks(before, step, &after) {
                after.broken.insert(law);
            }
        }
        (after != *before).then_some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        // The checker does not see a run that goes round in a circle. None does: each step uses up a part of the
        // budget, or brings on what a part of the budget began.
        if self.budget.retries > 0 {
            return vec![Property::<Self>::eventually(ACKED, |_, world| world.acked)];
        }
        vec![
            Property::<Self>::always(I1, |_, world| world.effects <= 1),
            Property::<Self>::always(REPEATS, |_, world| world.effects <= 1 + world.takeovers),
            Property::<Self>::always(I2, |_, world| !world.acked || world.effects > 0),
            Property::<Self>::always(I3, |_, world| !world.broken.contains(I3)),
            Property::<Self>::always(I4, |_, world| !world.broken.contains(I4)),
            Property::<Self>::always(I5, |_, world| !world.broken.contains(I5)),
            Property::<Self>::always(I6, |claims, world| {
                let expired = world.row == Row::Claimed { lapsed: true };
                !expired || matches!(claims.protocol.find(world.row), Found::Won | Found::Parked)
            }),
            Property::<Self>::sometimes(SETTLED, |_, world| {
                world.acked && world.retention_over && world.row == Row::Absent
            }),
            Property::<Self>::sometimes(TAKEN_OVER, |_, world| world.takeovers > 0),
        ]
    }
}

type Judge = fn(&World, Step, &World) -> bool;

/// Whether a step breaks a law that is about steps.
const JUDGES: [(&str, Judge); 3] = [(I3, breaks_i3), (I4, breaks_i4), (I5, breaks_i5)];

fn breaks_i3(before: &World, step: Step, after: &World) -> bool {
    let claimed = after.row == Row::Claimed { lapsed: false } && before.row != after.row;
    matches!(step, Step::Work(_, Act::Claim)) && claimed && after.token <= before.token
}

fn breaks_i4(before: &World, step: Step, after: &World) -> bool {
    let Row::Claimed { lapsed } = before.row else { return false };
    let allowed = match step {
        Step::Lapse => true,
        Step::Work(_, Act::Claim) => lapsed,
        Step::Work(at, _) => before.workers[at].token() == Some(before.token),
        Step::Purge => lapsed && before.retention_over,
        Step::Send | Step::Retry | Step::Age => false,
    };
    before.row != after.row && !allowed
}

fn breaks_i5(before: &World, step: Step, after: &World) -> bool {
    let may_leave = step == Step::Purge && before.retention_over;
    before.row == Row::Done && after.row != Row::Done && !may_leave
}
