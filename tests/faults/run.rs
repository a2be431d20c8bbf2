//! One run: deliveries while the disk fails, a kill, a restart, and the verdict.

use std::fmt::Debug;
use std::thread::sleep;
use std::time::{Duration, Instant};

use counterfoil_testkit::Disk;

use crate::books::Books;
use crate::law::{Answer, History};
use crate::sender::{Event, Said};
use crate::service::{Place, Service};
use crate::terms::{Fault, Target};

/// Events that are known before anything fails.
const BEFORE: usize = 4;

/// New events until the fault is met, at most.
const UNTIL: usize = 1500;

/// New events from then on.
const AFTER: usize = 8;

/// How long a delivery that was refused is sent again: many times the lease.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// Fails unless every law holds under this fault, or the service does not start under it.
pub(crate) fn hold(fault: Fault) {
    let place = Place::new();
    let sender = prepare(&place);
    match Service::start(&place, Some(&fault)) {
        Some(service) => serve(fault, &place, service, sender),
        None => refused(fault, &place),
    }
}

/// Fails unless the service says what is wrong and ends where it has no files yet, and starts once nothing is.
pub(crate) fn refuses_to_start(fault: Fault) {
    let place = Place::new();
    assert!(Service::start(&place, Some(&fault)).is_none(), "{fault:?} does not keep it from starting");
    refused(fault, &place);
}

/// Files of a service that has handled a few events and was killed: from here on its start writes nothing, so that calls
/// are counted from the first delivery on.
fn prepare(place: &Place) -> Sender {
    let mut sender = Sender::default();
    let service = start(place);
    for _ in 0..BEFORE {
        sender.deliver(&service, false, || None);
    }
    sender
}

fn refused(fault: Fault, place: &Place) {
    let log = place.log();
    assert!(log.contains("cannot be used") && !log.contains("panicked"), "{fault:?}: {log}");
    assert!(place.trace().since(0).failed > 0, "{fault:?} was never met: {log}");
    let sender = prepare(place);
    let books = Books::read(place);
    assert_eq!(books.damage, [""; 0], "{fault:?}");
    for event in &sender.sent {
        assert_eq!(books.events.get(&event.id), Some(&(1, Some(2))), "{fault:?}: {books:?}");
    }
}

fn serve(fault: Fault, place: &Place, service: Service, mut sender: Sender) {
    let trace = place.trace();
    let (start, mut after) = (trace.end(), 0);
    while after < AFTER && sender.sent.len() < UNTIL {
        let before = trace.end();
        let has_begun = trace.since(start).failed > 0;
        let is_hopeless = has_begun && !fault.ends() && fault.stops_claims();
        sender.deliver(&service, is_hopeless, || (fault.target == Target::Log).then(|| trace.since(before).synced > 0));
        if has_begun {
            after += 1;
            sender.deliver_copy(&service);
        }
    }
    let failed = trace.since(start).failed;
    let not_mended = if fault.ends() { sender.deliver_all(&service) } else { Vec::new() };
    drop(service);
    judge(&fault, place, sender, History::of(fault.target, failed, not_mended));
}

/// Fails unless every law holds on a disk that fills up.
pub(crate) fn hold_on(disk: &Disk) {
    let place = Place::with_store_in(disk.folder());
    let mut sender = prepare(&place);
    let service = start(&place);
    disk.fill();
    sender.deliver_until_refused(&service);
    disk.make_room();
    let not_mended = sender.deliver_all(&service);
    disk.fill();
    sender.deliver_until_refused(&service);
    let failed = sender.refused();
    drop(service);
    disk.make_room();
    judge(&"a full disk", &place, sender, History::of(Target::Log, failed, not_mended));
}

/// Looks at what a kill has left, starts the service on it, sends everything again, and looks once more.
fn judge(what: &dyn Debug, place: &Place, sender: Sender, begun: History) {
    let Sender { sent, answers } = sender;
    let killed = Books::read(place);
    let not_taken = Sender { sent, answers: Vec::new() }.deliver_all(&start(place));
    let history = History { answers, killed, not_taken, end: Books::read(place), log: place.log(), ..begun };
    let broken = history.broken();
    let told: Vec<_> = history.answers.iter().map(|answer| (&answer.said, answer.is_first)).collect();
    assert!(broken.is_empty(), "{what:?}: {broken:?}\n{told:?}\n{}", history.log);
}

/// Without a fault.
fn start(place: &Place) -> Service {
    Service::start(place, None).unwrap_or_else(|| panic!("{}", place.log()))
}

/// What was sent, and what was answered.
#[derive(Debug, Default)]
struct Sender {
    sent: Vec<Event>,
    answers: Vec<Answer>,
}

impl Sender {
    /// A new event.
    fn deliver(&mut self, service: &Service, was_hopeless: bool, synced: impl FnOnce() -> Option<bool>) {
        let event = Event::new();
        let said = event.send(service.address);
        let (id, synced) = (event.id.clone(), synced());
        self.answers.push(Answer { event: id, said, is_first: true, was_hopeless, synced });
        self.sent.push(event);
    }

    /// A copy of the first event, which is known.
    fn deliver_copy(&mut self, service: &Service) {
        let event = self.sent[0].clone();
        self.copy(service, &event);
    }

    fn deliver_until_refused(&mut self, service: &Service) {
        let most = self.refused() + AFTER;
        while self.refused() < most && self.sent.len() < UNTIL {
            self.deliver(service, false, || None);
            self.deliver_copy(service);
        }
    }

    fn refused(&self) -> usize {
        self.answers.iter().filter(|answer| !answer.said.is_ack()).count()
    }

    /// Sends everything again until it is acknowledged, and returns what never is.
    fn deliver_all(&mut self, service: &Service) -> Vec<String> {
        let give_up = Instant::now() + PATIENCE;
        let mut open = self.sent.clone();
        while !open.is_empty() && Instant::now() < give_up {
            open.retain(|event| !self.copy(service, event).is_ack());
            sleep(PAUSE);
        }
        open.into_iter().map(|event| event.id).collect()
    }

    fn copy(&mut self, service: &Service, event: &Event) -> Said {
        let (id, said) = (event.id.clone(), event.send(service.address));
        self.answers.push(Answer { event: id, said: said.clone(), is_first: false, was_hopeless: false, synced: None });
        said
    }
}
