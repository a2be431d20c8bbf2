//! A receiver as a value: one is built of it here, and servers in other languages build theirs.

use std::num::NonZeroU32;
use std::time::Duration;

use counterfoil::idempotency::MemoryStore;
use counterfoil::receiver::ReceiverBuilder;
use counterfoil::scheme::{Check, Sender};
use counterfoil::{Receiver, Secret, senders};
use counterfoil_remote::Client;
use serde::Serialize;

use crate::handler::SECRET;

/// What a receiver is made of. What is `None` is as the receiver has it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Setup {
    pub(crate) sender: Whose,
    pub(crate) secret: Option<&'static str>,
    /// Of its store, in memory.
    pub(crate) capacity: NonZeroU32,
    pub(crate) asked: Option<Asked>,
    pub(crate) refuse_conflicts: bool,
    pub(crate) in_flight_wait: Option<Duration>,
    pub(crate) handler_time: Option<Duration>,
    pub(crate) body_limit: Option<usize>,
    pub(crate) body_timeout: Option<Duration>,
}

/// A sender by name, and what is changed about it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Whose {
    name: &'static str,
    /// The text of the file that describes it, where it is none of ours.
    file: Option<&'static str>,
    proof: Option<Proof>,
    event_id_at: Option<&'static str>,
}

/// What proves a delivery in the place of its signature.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Proof {
    Bearer,
    Basic,
    ApiKey(&'static str),
    InsecureUnsigned,
}

/// Whose endpoint says whether a delivery is its own.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Asked {
    pub(crate) webhook_id: &'static str,
    pub(crate) base_url: String,
}

impl Setup {
    /// Of HanDl's events.
    pub(crate) fn handl() -> Self {
        Self::new(Whose::named("handl"), Some(SECRET))
    }

    pub(crate) fn new(sender: Whose, secret: Option<&'static str>) -> Self {
        Self {
            sender,
            secret,
            capacity: NonZeroU32::new(100_000).unwrap(),
            asked: None,
            refuse_conflicts: false,
            in_flight_wait: None,
            handler_time: None,
            body_limit: None,
            body_timeout: None,
        }
    }

    pub(crate) fn receiver(&self) -> Receiver {
        let builder = Receiver::builder(self.sender.sender()).store(MemoryStore::new(self.capacity));
        let builder = set(builder, self.secret, |builder, secret| builder.secret(Secret::new(secret).unwrap()));
        let builder = set(builder, self.asked.as_ref(), |builder, Asked { webhook_id, base_url }| {
            let client = Client::builder().insecure_base_url(base_url).build().unwrap();
            builder.webhook_id(*webhook_id).remote(client)
        });
        let builder = if self.refuse_conflicts { builder.refuse_conflicts() } else { builder };
        let builder = set(builder, self.in_flight_wait, ReceiverBuilder::in_flight_wait);
        let builder = set(builder, self.handler_time, ReceiverBuilder::handler_time);
        let builder = set(builder, self.body_limit, ReceiverBuilder::body_limit);
        set(builder, self.body_timeout, ReceiverBuilder::body_timeout).build().unwrap()
    }
}

impl Whose {
    /// One of ours, or of the catalogue's.
    pub(crate) fn named(name: &'static str) -> Self {
        Self { name, file: None, proof: None, event_id_at: None }
    }

    /// One of a file of somebody's own.
    pub(crate) fn described(name: &'static str, file: &'static str) -> Self {
        Self { file: Some(file), ..Self::named(name) }
    }

    pub(crate) fn proven_by(self, proof: Proof) -> Self {
        Self { proof: Some(proof), ..self }
    }

    pub(crate) fn with_event_id_at(self, pointer: &'static str) -> Self {
        Self { event_id_at: Some(pointer), ..self }
    }

    pub(crate) fn sender(&self) -> Sender {
        let known = match self.file {
            Some(file) => senders::from_toml(file).unwrap(),
            None => senders::ALL.iter().chain(senders::catalogue()).cloned().collect(),
        };
        let sender = known.into_iter().find(|sender| sender.name == self.name).unwrap();
        let sender = set(sender, self.proof, |sender, proof| match proof {
            Proof::Bearer => sender.with_check(Check::bearer()),
            Proof::Basic => sender.with_check(Check::basic()),
            Proof::ApiKey(header) => sender.with_check(Check::api_key(header)),
            Proof::InsecureUnsigned => sender.insecure_unsigned(),
        });
        set(sender, self.event_id_at, Sender::with_event_id_at)
    }
}

/// `made` with what is given, if it is.
fn set<M, V>(made: M, value: Option<V>, with: impl FnOnce(M, V) -> M) -> M {
    match value {
        Some(value) => with(made, value),
        None => made,
    }
}
