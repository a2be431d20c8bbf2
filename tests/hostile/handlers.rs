//! Handlers that fail, wait or are killed, and deliveries that meet them.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::event::{Event, SECRET};
use crate::place::{Kind, Place};
use crate::service::Service;
use crate::wire::{Connection, Reply};

/// Longer than any lease and any wait in here.
const PATIENCE: Duration = Duration::from_secs(60);

/// The lease, in seconds, of an event that somebody else is to take over.
const SOON: u64 = 2;

pub(crate) fn t16_t39_an_event_whose_handler_fails_is_handled_by_its_retry(kind: Kind) {
    let service = Place::new(kind).start();
    let orders = service.books.orders();
    for sender in ["handl", "agiled", "angage", "agency-os-ai"] {
        let event = Event::of(sender);
        let fault = "CREATE TRIGGER fault BEFORE INSERT ON effects BEGIN SELECT RAISE(ABORT, 'as the test wants'); END";
        orders.execute_batch(fault).unwrap();
        for _ in 0..3 {
            assert_eq!(service.answer(&event.request()).0, 500, "{kind:?}");
            let (effects, _, state) = service.books.seen(&event.key());
            assert_eq!((effects, state), (0, Some(0)), "{kind:?}: given back, and free");
        }
        orders.execute_batch("DROP TRIGGER fault").unwrap();
        assert_eq!(service.answer(&event.request()), (200, String::new()), "{kind:?}");
        assert_eq!(service.books.seen(&event.key()), (1, 4, Some(2)), "{kind:?}");
        service.refuses(200, "duplicate", &event.request());
    }
    let next = Event::of("handl");
    service.handles(&next);
    assert!(!service.log().contains(SECRET), "{kind:?}");
}

pub(crate) fn t40_a_copy_of_a_first_that_runs_is_told_to_come_again(kind: Kind) {
    let service = Place::new(kind).start();
    let event = Event::of("agiled");
    let held = Held::begin(&service, &event);
    let copy = service.send(&event.request());
    assert_eq!((copy.status, &*copy.code()), (503, "in_flight"), "{kind:?}");
    assert!(copy.header("retry-after").is_some(), "{kind:?}");
    held.let_go();
    let first = held.reply();
    assert_eq!((first.status, &*first.code()), (200, ""), "{kind:?}");
    service.refuses(200, "duplicate", &event.request());
    service.holds_once(&event);
    service.is_well();
}

pub(crate) fn t40_t43_the_event_of_a_service_that_is_killed_is_handled_by_a_retry(kind: Kind) {
    let service = Place::new(kind).lease_seconds(SOON).start();
    let event = Event::of("agiled");
    let held = Held::begin(&service, &event);
    let service = service.killed();
    held.let_go();
    // Not as a duplicate: nobody has applied it.
    assert_eq!(until_it_is_free(&service, &event), (200, String::new()), "{kind:?}");
    let (effects, _, state) = service.books.seen(&event.key());
    assert_eq!((effects, state), (1, Some(2)), "{kind:?}");
    service.refuses(200, "duplicate", &event.request());
    service.is_well();
}

pub(crate) fn t41_a_holder_that_wakes_too_late_changes_nothing(kind: Kind) {
    let place = Place::new(kind).lease_seconds(SOON);
    let (sleeper, other) = (place.start(), place.start());
    let event = Event::of("handl");
    let held = Held::begin(&sleeper, &event);
    // The claim can be seen before its transaction lets go of the file.
    thread::sleep(Duration::from_millis(100));
    sleeper.signal(Signal::STOP);
    held.let_go();
    assert_eq!(until_it_is_free(&other, &event), (200, String::new()), "{kind:?}");
    let row = other.books.rows();
    sleeper.signal(Signal::CONT);
    let late = held.reply();
    // Its time is up as well, and either may be seen first. It does not say that it has handled the event.
    let answers = [(200, "duplicate"), (503, "handler_failed"), (503, "in_flight")];
    assert!(answers.contains(&(late.status, &late.code())), "{kind:?}: {late:?}");
    assert_eq!(other.books.rows(), row, "{kind:?}: the late one has changed the row");
    assert_eq!(other.books.seen(&event.key()).0, 1, "{kind:?}");
    sleeper.is_well();
    other.is_well();
}

pub(crate) fn t42_a_sender_that_hangs_up_does_not_cancel_its_event(kind: Kind) {
    let service = Place::new(kind).start();
    let event = Event::of("handl");
    let Held { orders, sending } = Held::begin(&service, &event);
    drop(sending);
    orders.execute_batch("ROLLBACK").unwrap();
    let key = event.key();
    until("the event is done", || service.books.seen(&key).2 == Some(2));
    service.refuses(200, "duplicate", &event.request());
    service.holds_once(&event);
    // Nor does one that hangs up at any byte of its request leave anything behind.
    let next = Event::of("agiled");
    let bytes = next.request().bytes();
    for cut in (0..bytes.len()).step_by(9) {
        Connection::open(service.address).write(&bytes[..cut]).unwrap();
    }
    service.knows_nothing_of(&next);
    service.handles(&next);
    service.is_well();
}

pub(crate) fn t45_nothing_is_acknowledged_before_it_is_durable(kind: Kind) {
    let service = Place::new(kind).start();
    let event = Event::of("handl");
    let mut held = Held::begin(&service, &event);
    assert!(held.sending.is_silent(), "{kind:?}: it answers before the effect");
    assert_eq!(service.books.seen(&event.key()).0, 0);
    held.let_go();
    let reply = held.reply();
    // What is answered is on disk, whatever happens next.
    let service = service.killed();
    assert_eq!((reply.status, &*reply.code()), (200, ""), "{kind:?}");
    service.holds_once(&event);
    service.refuses(200, "duplicate", &event.request());
    service.is_well();
}

/// Sends it again and again until the answer is another than 503, as a sender would.
#[track_caller]
fn until_it_is_free(service: &Service, event: &Event) -> (u16, String) {
    let started = Instant::now();
    loop {
        let answer = service.answer(&event.request());
        if answer != (503, "in_flight".into()) {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "{:?}: it is never free", service.kind());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for what another process does.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A delivery whose handler has begun, and waits for the orders, which this connection holds.
struct Held {
    orders: rusqlite::Connection,
    sending: Connection,
}

impl Held {
    fn begin(service: &Service, event: &Event) -> Self {
        let orders = service.books.orders();
        orders.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut sending = Connection::open(service.address);
        sending.write(&event.request().bytes()).unwrap();
        let key = event.key();
        until("the event is claimed", || service.books.seen(&key).2 == Some(1));
        Self { orders, sending }
    }

    fn let_go(&self) {
        self.orders.execute_batch("ROLLBACK").unwrap();
    }

    fn reply(mut self) -> Reply {
        self.sending.reply().unwrap()
    }
}
