//! The sender: at a steady rate, on time whatever the answers are, and again until each delivery is acknowledged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use counterfoil::{Clock as _, SystemClock, time::format_rfc3339};
use counterfoil_tests::hex;
use reqwest::Client;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::terms::{FAILS_FIRST, PATH, SECRET};

/// No sender waits longer for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Less than any server keeps a connection that is idle: none is used that is about to be closed.
const IDLE: Duration = Duration::from_secs(2);

/// Between a failure and the next try.
const PAUSE: Duration = Duration::from_secs(1);

/// Requests under way at once, as many as a sender has workers. What waits here is late, and is measured so. Without a bound the
/// memory of a receiver would tell of the longest halt of the machine: all that is late then comes at once, and an allocator
/// keeps for the next time what that took.
const AT_ONCE: usize = 64;

/// How long what has failed is sent again once the rest is over.
const LAST: Duration = Duration::from_secs(60);

/// What the deliveries are, over and over.
pub(crate) const ROUND: [Kind; 20] = {
    use Kind::{Copy, Forged, Late, New};
    [New, New, Copy, New, New, New, Forged, New, New, Copy, New, New, Late, New, New, Copy, New, New, Forged, New]
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    New,
    /// New, and its handler fails at first.
    Late,
    /// Of one of the latest events, sent to the other receiver.
    Copy,
    Forged,
}

/// What the sender knows of one event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) is_late: bool,
    pub(crate) created_at: SystemTime,
    pub(crate) first_sent: Instant,
    pub(crate) last_answer: Instant,
    /// Deliveries that are not acknowledged.
    pub(crate) open: u32,
    /// Answers that it was handled, and that it was a copy.
    pub(crate) handled: u32,
    pub(crate) duplicates: u32,
    /// Failures that its handler was asked for.
    pub(crate) asked_failures: u32,
    /// Those that nobody asked for: 408, 503, or no answer at all.
    pub(crate) failures: u32,
}

/// An answer that must not be, and to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) delivery: String,
    pub(crate) status: u16,
}

/// How long one delivery waited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait {
    /// When it was to be sent, from the start. Waiting begins here, so that a sender that is held up does not hide it.
    pub(crate) due: Duration,
    pub(crate) waited: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Delivery {
    /// `None` of a forged one.
    event: Option<usize>,
    slot: usize,
    due: Instant,
}

struct Answered {
    delivery: Delivery,
    /// Status, and whether it was called a copy; or why there is none.
    answer: Result<(u16, bool), String>,
    waited: Duration,
}

pub(crate) struct Sender {
    client: Client,
    urls: [String; 2],
    start: Instant,
    number: usize,
    again: BinaryHeap<Reverse<(Instant, usize, usize)>>,
    under_way: JoinSet<Answered>,
    open: usize,
    pub(crate) events: Vec<Event>,
    pub(crate) forged: usize,
    pub(crate) refused: usize,
    /// Failures of forged deliveries, which are not sent again.
    pub(crate) failures: usize,
    pub(crate) wrong: Vec<Wrong>,
    pub(crate) waits: Vec<Wait>,
}

impl Sender {
    pub(crate) fn new(addresses: [SocketAddr; 2]) -> Self {
        let client = Client::builder().no_proxy().http1_only().timeout(PATIENCE).pool_idle_timeout(IDLE);
        Self {
            client: client.build().unwrap(),
            urls: addresses.map(|address| format!("http://{address}{PATH}")),
            start: Instant::now(),
            number: 0,
            again: BinaryHeap::new(),
            under_way: JoinSet::new(),
            open: 0,
            events: Vec::new(),
            forged: 0,
            refused: 0,
            failures: 0,
            wrong: Vec::new(),
            waits: Vec::new(),
        }
    }

    /// Sends one delivery every so often, of one kind after the other. What has failed comes first.
    pub(crate) async fn send(&mut self, kinds: &[Kind], every: Duration, mut is_over: impl FnMut() -> bool) {
        let mut due = Instant::now();
        while !is_over() {
            self.listen_until(due).await;
            let delivery = self.failed(due).unwrap_or_else(|| self.next(kinds, due));
            self.post(delivery);
            due += every;
        }
    }

    /// Sends what has failed until all is acknowledged, or until there is no sense in it.
    pub(crate) async fn finish(&mut self) {
        let give_up = Instant::now() + LAST;
        while (self.open > 0 || !self.under_way.is_empty()) && Instant::now() < give_up {
            let now = Instant::now();
            while let Some(delivery) = self.failed(now) {
                self.post(delivery);
            }
            self.listen_until(now + PAUSE / 20).await;
        }
        self.under_way.abort_all();
    }

    async fn listen_until(&mut self, due: Instant) {
        loop {
            let is_full = self.under_way.len() >= AT_ONCE;
            tokio::select! {
                biased;
                Some(answered) = self.under_way.join_next() => self.note(answered.unwrap()),
                () = sleep_until(due.into()), if !is_full => return,
            }
        }
    }

    /// A delivery that has failed, and is due again.
    fn failed(&mut self, now: Instant) -> Option<Delivery> {
        let &Reverse((due, event, slot)) = self.again.peek().filter(|Reverse((due, ..))| *due <= now)?;
        self.again.pop();
        Some(Delivery { event: Some(event), slot, due: due.max(now) })
    }

    fn next(&mut self, kinds: &[Kind], due: Instant) -> Delivery {
        let (number, kind) = (self.number, kinds[self.number % kinds.len()]);
        self.number += 1;
        let event = match kind {
            Kind::Forged => {
                self.forged += 1;
                return Delivery { event: None, slot: number % 2, due };
            }
            Kind::Copy => self.events.len() - 1 - (number * 7) % self.events.len().min(100),
            Kind::New | Kind::Late => {
                let (now, is_late) = (Instant::now(), kind == Kind::Late);
                self.events.push(Event {
                    is_late,
                    created_at: SystemClock.now(),
                    first_sent: now,
                    last_answer: now,
                    open: 0,
                    handled: 0,
                    duplicates: 0,
                    asked_failures: 0,
                    failures: 0,
                });
                self.events.len() - 1
            }
        };
        self.events[event].open += 1;
        self.open += 1;
        Delivery { event: Some(event), slot: if kind == Kind::Copy { 1 - event % 2 } else { event % 2 }, due }
    }

    fn post(&mut self, delivery: Delivery) {
        let (body, tag) = match delivery.event {
            Some(number) => signed(number, &self.events[number]),
            None => forged(self.forged),
        };
        let request = self.client.post(&self.urls[delivery.slot]).header("x-handl-signature", hex(&tag)).body(body);
        self.under_way.spawn(async move {
            let answer = async {
                let response = request.send().await?;
                let answer = (response.status().as_u16(), response.headers().contains_key("x-webhook-duplicate"));
                response.bytes().await?;
                Ok(answer)
            };
            let answer = answer.await.map_err(|error: reqwest::Error| format!("{error:?}"));
            Answered { delivery, answer, waited: delivery.due.elapsed() }
        });
    }

    fn note(&mut self, answered: Answered) {
        let Answered { delivery: Delivery { event, slot, due }, answer, waited } = answered;
        self.waits.push(Wait { due: due - self.start, waited });
        let Some(number) = event else {
            match answer {
                Ok((401, _)) => self.refused += 1,
                Ok((408 | 503, _)) | Err(_) => self.failures += 1,
                Ok((status, _)) => self.wrong.push(Wrong { delivery: "forged".to_owned(), status }),
            }
            return;
        };
        let event = &mut self.events[number];
        event.last_answer = Instant::now();
        match answer {
            Ok((200, is_copy)) => {
                *(if is_copy { &mut event.duplicates } else { &mut event.handled }) += 1;
                event.open -= 1;
                self.open -= 1;
                return;
            }
            Ok((502, _)) if event.is_late => event.asked_failures += 1,
            Ok((408 | 503, _)) | Err(_) => event.failures += 1,
            Ok((status, _)) => self.wrong.push(Wrong { delivery: id(number), status }),
        }
        self.again.push(Reverse((Instant::now() + PAUSE, number, slot)));
    }
}

fn id(number: usize) -> String {
    format!("evt_{number}")
}

fn signed(number: usize, event: &Event) -> (String, [u8; 32]) {
    let body = body(&id(number), if event.is_late { FAILS_FIRST } else { "order.created" }, event.created_at);
    let tag = hmac_sha256::HMAC::mac(&body, SECRET);
    (body, tag)
}

/// A new event under another secret, or one that was changed after it was signed.
fn forged(number: usize) -> (String, [u8; 32]) {
    let body = body(&format!("forged_{number}"), "order.created", SystemClock.now());
    if number.is_multiple_of(2) {
        let tag = hmac_sha256::HMAC::mac(&body, "whsec_of_somebody_else_0123");
        return (body, tag);
    }
    let tag = hmac_sha256::HMAC::mac(&body, SECRET);
    (body.replace("850000", "850001"), tag)
}

fn body(id: &str, event_type: &str, at: SystemTime) -> String {
    let at = format_rfc3339(at).unwrap();
    format!(r#"{{"id":"{id}","type":"{event_type}","created_at":"{at}","data":{{"id":"{id}","total":850000}}}}"#)
}
