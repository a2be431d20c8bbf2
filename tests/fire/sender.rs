//! The sender: makes events, sends each several times, some at once, and retries every copy until it is acknowledged.
//! It keeps a log of what it sent and what it was answered.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use counterfoil::time::format_rfc3339;
use counterfoil::{Clock as _, Secret, Signer, SystemClock, senders};
use reqwest::Client;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::front::{Front, Phase, Standing};
use crate::log::{Answer, Said, Sent};
use crate::oracle::Oracle;
use crate::random::Random;
use crate::stage::{SLOTS, Stage};
use crate::terms::SECRET;

/// Requests under way at once.
const AT_ONCE: usize = 10;

/// Events that are not acknowledged yet. A receiver that dies takes those that it holds out of circulation for the
/// length of a lease: enough must be left to keep the next one busy.
const OPEN: usize = 250;

/// Between a failure and the next try.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(600));

/// When the second copy is sent, where it is not sent at once, and the third.
const LATER: (Duration, Duration) = (Duration::ZERO, Duration::from_millis(2500));

/// Between two looks at the phase.
const GLANCE: Duration = Duration::from_millis(20);

/// Far longer than a receiver takes for any answer: it waits 5 s for its store, and a handler has less than a lease.
const STUCK: Duration = Duration::from_secs(30);

/// In which every event must be acknowledged once there is peace: many times the lease.
const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct Sender<'a> {
    front: &'a Front,
    oracle: Arc<Oracle>,
    clients: [Client; SLOTS],
    signer: Signer,
    random: Random,
    pub(crate) log: Vec<Sent>,
    /// Events that are not acknowledged in every copy.
    open: usize,
    /// Copies by the time at which they are sent. The number keeps the order of those of one time.
    due: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    number: u64,
    /// Requests under way, by slot.
    posts: [usize; SLOTS],
}

/// A copy's answer.
struct Posted {
    index: usize,
    slot: usize,
    /// The receiver that it was sent to.
    life: usize,
    /// `None`: nothing, for longer than any receiver takes.
    said: Option<Said>,
    effect_seen: bool,
}

impl<'a> Sender<'a> {
    pub(crate) fn new(stage: &Stage, front: &'a Front, oracle: Arc<Oracle>, random: Random) -> Result<Self, String> {
        let client = |slot| {
            let builder = Client::builder().unix_socket(stage.socket(slot)).timeout(STUCK);
            builder.build().map_err(|error| format!("no client: {error}"))
        };
        let secret = Secret::new(SECRET).map_err(|error| error.to_string())?;
        let signer = Signer::new(&senders::HANDL, &secret).map_err(|error| error.to_string())?;
        let clients = [client(0)?, client(1)?];
        let (log, due) = (Vec::new(), BinaryHeap::new());
        Ok(Self { front, oracle, clients, signer, random, log, open: 0, due, number: 0, posts: [0; SLOTS] })
    }

    /// Sends until there is peace and every copy is acknowledged.
    pub(crate) async fn send(&mut self) -> Result<(), String> {
        let mut posts = JoinSet::new();
        let mut peace_at = None;
        loop {
            while self.under_way() < AT_ONCE
                && let Some(index) = self.next()?
            {
                let slot = self.slot();
                self.posts[slot] += 1;
                posts.spawn(self.post(index, slot));
            }
            if self.front.phase() == Phase::Peace {
                if self.open == 0 {
                    return Ok(());
                }
                if peace_at.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    return Err(self.still_open());
                }
            }
            // What is due while too many are under way waits for one of them.
            let soon = Instant::now() + GLANCE;
            let due = self.due.peek().filter(|_| self.under_way() < AT_ONCE);
            let next = due.map_or(soon, |Reverse((at, ..))| soon.min(*at));
            tokio::select! {
                Some(posted) = posts.join_next() => {
                    self.note(&posted.map_err(|error| error.to_string())??)?;
                }
                () = sleep_until(next) => {}
            }
        }
    }

    /// Sends one more copy of each of these.
    pub(crate) async fn send_again(&mut self, events: &[String]) -> Result<(), String> {
        for index in 0..self.log.len() {
            if events.contains(&self.log[index].event) {
                self.plan(index, Duration::ZERO);
            }
        }
        self.send().await
    }

    /// Requests under way, but for those that wait for a frozen receiver: the others go on without them.
    fn under_way(&self) -> usize {
        let slots = self.posts.iter().enumerate();
        slots.filter(|(slot, _)| self.front.standing_of(*slot) != Standing::Frozen).map(|(_, posts)| posts).sum()
    }

    fn still_open(&self) -> String {
        let open = self.log.iter().filter(|sent| sent.open > 0);
        let open: Vec<_> = open.map(|sent| (&sent.event, sent.answers.last())).collect();
        format!("nothing was killed for {PATIENCE:?}, and these are not acknowledged: {open:?}")
    }

    /// The next copy that is due, perhaps of a new event.
    fn next(&mut self) -> Result<Option<usize>, String> {
        let now = Instant::now();
        if let Some(Reverse((at, _, index))) = self.due.peek().copied()
            && at <= now
        {
            self.due.pop();
            return Ok(Some(index));
        }
        if self.front.phase() == Phase::Peace || self.open >= OPEN {
            return Ok(None);
        }
        self.make()?;
        Ok(self.due.pop().map(|Reverse((_, _, index))| index))
    }

    /// Mostly one whose receiver is up. Nothing is sent to a frozen one: soon all would wait for it.
    fn slot(&mut self) -> usize {
        let slot = usize::from(self.random.one_in(2));
        let sent = match (self.front.standing_of(slot), self.front.standing_of(1 - slot)) {
            (Standing::Up | Standing::Safe, _) => true,
            (Standing::Down, Standing::Up | Standing::Safe) => self.random.one_in(8),
            (Standing::Down, _) => true,
            (Standing::Frozen, _) => false,
        };
        if sent { slot } else { 1 - slot }
    }

    /// A new event, the first of its copies due now.
    fn make(&mut self) -> Result<(), String> {
        let index = self.log.len();
        let event = format!("event-{index}");
        let now = SystemClock.now();
        let at = format_rfc3339(now).ok_or("a clock far off")?;
        let body = format!(
            r#"{{"id":"{event}","type":"order.created","created_at":"{at}","data":{{"order_id":"{index}","total":"99.90"}}}}"#
        );
        let headers = self.signer.sign(body.as_bytes(), now).map_err(|error| error.to_string())?;
        self.log.push(Sent { event, answers: Vec::new(), open: 0, headers, body: body.into() });
        self.plan(index, Duration::ZERO);
        let second = if self.random.one_in(2) { Duration::ZERO } else { self.random.between(LATER.0, LATER.1) };
        self.plan(index, second);
        if self.random.one_in(8) {
            let third = self.random.between(LATER.0, LATER.1);
            self.plan(index, third);
        }
        Ok(())
    }

    /// A copy that is to be acknowledged.
    fn plan(&mut self, index: usize, after: Duration) {
        self.log[index].open += 1;
        self.open += usize::from(self.log[index].open == 1);
        self.queue(index, after);
    }

    fn queue(&mut self, index: usize, after: Duration) {
        self.number += 1;
        self.due.push(Reverse((Instant::now() + after, self.number, index)));
    }

    fn post(&self, index: usize, slot: usize) -> impl Future<Output = Result<Posted, String>> + Send + 'static {
        let Sent { event, headers, body, .. } = &self.log[index];
        let request = self.clients[slot].post("http://receiver/").headers(headers.clone()).body(body.clone());
        let (oracle, event, life) = (self.oracle.clone(), event.clone(), self.front.life(slot));
        async move {
            let said = match request.send().await {
                Ok(response) => Said::of(response.status().as_u16(), response.headers()),
                Err(error) if error.is_timeout() => {
                    return Ok(Posted { index, slot, life, said: None, effect_seen: false });
                }
                Err(error) if error.is_connect() => Said::NotReached,
                Err(_) => Said::CutOff,
            };
            let effect_seen = said.is_ack() && oracle.knows(&event).await?;
            Ok(Posted { index, slot, life, said: Some(said), effect_seen })
        }
    }

    fn note(&mut self, posted: &Posted) -> Result<(), String> {
        let &Posted { index, slot, life, said, effect_seen } = posted;
        self.posts[slot] -= 1;
        let sent = &mut self.log[index];
        // A client may not notice that the receiver it waits for was killed. One that is still there should have answered.
        let said = match said {
            Some(said) => said,
            None if self.front.life(slot) != life => Said::CutOff,
            None => return Err(format!("no answer about {} after {STUCK:?}", sent.event)),
        };
        sent.answers.push(Answer { said, effect_seen });
        if matches!(said, Said::Failed(_) | Said::NotReached | Said::CutOff) {
            let pause = self.random.between(PAUSE.0, PAUSE.1);
            self.queue(index, pause);
            return Ok(());
        }
        if said.is_ack() {
            self.front.acked(slot);
        }
        // What is neither an acknowledgement nor to be tried again is for the judge.
        sent.open -= 1;
        self.open -= usize::from(sent.open == 0);
        Ok(())
    }
}
