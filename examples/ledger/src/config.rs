//! What the environment says.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use counterfoil::idempotency::Store;
use counterfoil::receiver::ReceiverBuilder;
use counterfoil::scheme::Sender;
use counterfoil::{Receiver, Secret, senders};
use counterfoil_remote::Client;

use crate::{BoxError, Ledger, store};

/// Where an event of a sender whose bodies nobody has described may name its type.
const LIKELY_EVENT_TYPE: &str = "/event";

/// All of a body goes out again where its sender is asked: far above any event, and little to send.
const ASKED_BODY_LIMIT: usize = 256 * 1024;

/// What a service is made of.
#[derive(Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen on 127.0.0.1; 0 for a free port.
    pub port: u16,
    /// The books.
    pub ledger: Ledger,
    /// One for each sender whose secret is set; the endpoint is the sender's name.
    pub receivers: Vec<Receiver>,
}

impl Config {
    /// Reads the variables in the crate's documentation, and opens what they name.
    ///
    /// # Errors
    /// No secret is set, or a variable is missing or cannot be used; says which.
    pub async fn from_env() -> Result<Self, BoxError> {
        let var = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
        let (store, ledger) = store::open(&var("STORE", "sqlite:webhooks.db"), &var("DB", "orders.db")).await?;
        let seconds = var("LEASE_SECONDS", "60").parse().map_err(|error| format!("LEASE_SECONDS: {error}"))?;
        let receivers = senders::ALL.iter().map(|sender| receiver(sender, &store, Duration::from_secs(seconds)));
        let receivers = receivers.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
        if receivers.is_empty() {
            return Err("no secret is set: give at least one, such as HANDL_SECRET=whsec_...".into());
        }
        let port = var("PORT", "3000").parse().map_err(|error| format!("PORT: {error}"))?;
        Ok(Self { port, ledger, receivers })
    }
}

/// `None` where the sender has no secret.
fn receiver(sender: &Sender, store: &Arc<dyn Store>, lease: Duration) -> Result<Option<Receiver>, BoxError> {
    let prefix = sender.name.to_uppercase().replace('-', "_");
    let name = format!("{prefix}_SECRET");
    let Ok(text) = env::var(&name) else { return Ok(None) };
    let secret = Secret::new(text).map_err(|error| format!("{name}: {error}"))?;
    let builder = match sender.scheme.remote() {
        Some(_) => asking(sender.clone(), &prefix)?,
        None => Receiver::builder(sender.clone()),
    };
    Ok(Some(builder.secret(secret).store(store.clone()).lease(lease).build()?))
}

/// For a sender that only its own endpoint can check.
fn asking(mut sender: Sender, prefix: &str) -> Result<ReceiverBuilder, BoxError> {
    let (id, endpoint) = (format!("{prefix}_WEBHOOK_ID"), format!("{prefix}_ENDPOINT"));
    let webhook_id = env::var(&id).ok().filter(|text| !text.trim().is_empty());
    let webhook_id = webhook_id.ok_or_else(|| format!("{id} is not set: {prefix}_SECRET is of no use without it"))?;
    let (concerns, client) = match env::var(&endpoint) {
        Ok(url) => (endpoint, Client::builder().insecure_base_url(url)),
        Err(_) => (sender.name.to_string(), Client::builder()),
    };
    let client = client.build().map_err(|error| store::told(&concerns, &error))?;
    if sender.envelope.event_type.is_none() {
        sender = sender.with_event_type_at(LIKELY_EVENT_TYPE);
    }
    Ok(Receiver::builder(sender).webhook_id(webhook_id).remote(client).body_limit(ASKED_BODY_LIMIT))
}
