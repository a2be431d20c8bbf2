//! What must never be seen, whatever the disk does.

use crate::books::Books;
use crate::sender::Said;
use crate::terms::Target;

/// One answer while the disk was failing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) event: String,
    pub(crate) said: Said,
    /// Whether it was the first delivery of the event.
    pub(crate) is_first: bool,
    /// Whether no claim could be kept from before it was sent until after it was answered.
    pub(crate) was_hopeless: bool,
    /// Whether the store's log was synced meanwhile, where that is known.
    pub(crate) synced: Option<bool>,
}

/// All that is known of a run.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// Where the fault lay: where it was in the service's own database, the service answers 500.
    pub(crate) target: Target,
    pub(crate) answers: Vec<Answer>,
    /// Calls that failed.
    pub(crate) failed: usize,
    /// Events that the service did not take without a restart once the fault was over; none where it never is.
    pub(crate) not_mended: Vec<String>,
    /// What was in the files after the process was killed.
    pub(crate) killed: Books,
    /// Events that it did not take after a restart.
    pub(crate) not_taken: Vec<String>,
    /// What was in the files in the end.
    pub(crate) end: Books,
    pub(crate) log: String,
}

/// A law that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The fault was never met, or nothing was acknowledged: the run says nothing.
    Idle,
    /// An answer that nobody is to get.
    Answered(String, Said),
    /// It was acknowledged although no claim could be kept.
    Hopeless(String),
    /// It was acknowledged, and nothing was synced for it.
    NotSynced(String),
    /// It was acknowledged, and its effect or its row is not in the files after the kill.
    Lost(String),
    /// What is in the files is not exactly one effect and one completed row.
    NotOnce(String),
    /// There are effects of other events.
    Stranger,
    NotMended(String),
    NotTaken(String),
    Damaged(String),
    Panicked(String),
}

impl History {
    /// Before the kill.
    pub(crate) fn of(target: Target, failed: usize, not_mended: Vec<String>) -> Self {
        let (killed, end) = (Books::default(), Books::default());
        Self { target, answers: Vec::new(), failed, not_mended, killed, not_taken: Vec::new(), end, log: String::new() }
    }

    pub(crate) fn broken(&self) -> Vec<Broken> {
        let mut broken = Vec::new();
        let acks = self.answers.iter().filter(|answer| answer.said.is_ack());
        if self.failed == 0 || acks.clone().count() == 0 {
            broken.push(Broken::Idle);
        }
        for Answer { event, said, .. } in self.answers.iter().filter(|answer| !self.may_be(answer)) {
            broken.push(Broken::Answered(event.clone(), said.clone()));
        }
        for Answer { event, is_first, was_hopeless, synced, .. } in acks {
            if *is_first && *was_hopeless {
                broken.push(Broken::Hopeless(event.clone()));
            }
            if *is_first && *synced == Some(false) {
                broken.push(Broken::NotSynced(event.clone()));
            }
            if !matches!(self.killed.events.get(event), Some((1, Some(1 | 2)))) {
                broken.push(Broken::Lost(event.clone()));
            }
        }
        let firsts = self.answers.iter().filter(|answer| answer.is_first);
        for Answer { event, .. } in firsts.clone() {
            if self.end.events.get(event) != Some(&(1, Some(2))) {
                broken.push(Broken::NotOnce(event.clone()));
            }
        }
        if self.end.effects != firsts.count() {
            broken.push(Broken::Stranger);
        }
        broken.extend(self.not_mended.iter().cloned().map(Broken::NotMended));
        broken.extend(self.not_taken.iter().cloned().map(Broken::NotTaken));
        broken.extend(self.killed.damage.iter().chain(&self.end.damage).cloned().map(Broken::Damaged));
        broken
            .extend(self.log.lines().filter(|line| line.contains("panicked")).map(str::to_owned).map(Broken::Panicked));
        broken
    }

    fn may_be(&self, answer: &Answer) -> bool {
        match &answer.said {
            Said::Handled => true,
            Said::Duplicate => !answer.is_first,
            Said::Other(503, code) => code == "store_unavailable" || (code == "in_flight" && !answer.is_first),
            // The handler's own.
            Said::Other(500, code) => code.is_empty() && self.target == Target::Books,
            Said::Other(..) | Said::Nothing(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(event: &str, said: Said) -> Answer {
        Answer { event: event.to_owned(), said, is_first: true, was_hopeless: false, synced: Some(true) }
    }

    fn refused(status: u16, code: &str) -> Said {
        Said::Other(status, code.to_owned())
    }

    /// One event that was handled, and one that was refused until the disk was well again.
    fn right() -> History {
        let refused =
            Answer { was_hopeless: true, synced: Some(false), ..first("b", refused(503, "store_unavailable")) };
        let books = |events: &[(&str, u8)]| Books {
            events: events.iter().map(|(event, state)| ((*event).to_owned(), (1, Some(*state)))).collect(),
            effects: events.len(),
            damage: Vec::new(),
        };
        History {
            answers: vec![first("a", Said::Handled), refused],
            killed: books(&[("a", 1)]),
            end: books(&[("a", 2), ("b", 2)]),
            ..History::of(Target::Log, 1, Vec::new())
        }
    }

    fn broken(change: impl FnOnce(&mut History)) -> Vec<Broken> {
        let mut history = right();
        change(&mut history);
        history.broken()
    }

    #[test]
    fn each_law_can_be_broken() {
        let [a, b] = ["a", "b"].map(|event| move || event.to_owned());
        assert_eq!(right().broken(), []);
        assert_eq!(broken(|h| h.failed = 0), [Broken::Idle]);
        assert_eq!(broken(|h| _ = h.answers.remove(0)), [Broken::Idle, Broken::Stranger]);
        assert_eq!(broken(|h| h.answers[0].was_hopeless = true), [Broken::Hopeless(a())]);
        assert_eq!(broken(|h| h.answers[0].synced = Some(false)), [Broken::NotSynced(a())]);
        assert_eq!(broken(|h| h.answers[0].synced = None), []);
        for left in [(0, Some(2)), (2, Some(2)), (1, None), (1, Some(0)), (1, Some(3))] {
            assert_eq!(broken(|h| _ = h.killed.events.insert(a(), left)), [Broken::Lost(a())]);
        }
        assert_eq!(broken(|h| h.killed.events.clear()), [Broken::Lost(a())]);
        for left in [(0, Some(2)), (2, Some(2)), (1, None), (1, Some(1))] {
            assert_eq!(broken(|h| _ = h.end.events.insert(b(), left)), [Broken::NotOnce(b())]);
        }
        assert_eq!(broken(|h| h.end.effects = 3), [Broken::Stranger]);
        assert_eq!(broken(|h| h.not_mended.push(b())), [Broken::NotMended(b())]);
        assert_eq!(broken(|h| h.not_taken.push(b())), [Broken::NotTaken(b())]);
        assert_eq!(broken(|h| h.killed.damage.push(a())), [Broken::Damaged(a())]);
        assert_eq!(broken(|h| h.end.damage.push(a())), [Broken::Damaged(a())]);
        let line = || "thread panicked at".to_owned();
        assert_eq!(broken(|h| h.log = line()), [Broken::Panicked(line())]);
    }

    #[test]
    fn answers_that_nobody_is_to_get() {
        let answered = |said: Said, is_first, target| {
            let history = History { target, ..right() };
            !history.may_be(&Answer { is_first, ..first("a", said) })
        };
        for (said, is_first, target, is_wrong) in [
            (Said::Duplicate, true, Target::Log, true),
            (Said::Duplicate, false, Target::Log, false),
            (refused(503, "in_flight"), true, Target::Log, true),
            (refused(503, "in_flight"), false, Target::Log, false),
            (refused(503, "store_unavailable"), false, Target::Log, false),
            (refused(503, "handler_failed"), false, Target::Log, true),
            (refused(500, ""), true, Target::Books, false),
            (refused(500, ""), true, Target::Log, true),
            (refused(500, "handler_failed"), true, Target::Books, true),
            (refused(401, "signature_mismatch"), true, Target::Log, true),
            (Said::Nothing(String::new()), false, Target::Log, true),
        ] {
            assert_eq!(answered(said.clone(), is_first, target), is_wrong, "{said:?} {is_first} {target:?}");
        }
    }
}
