//! What a configuration can get wrong, each with what to change.

use std::error::Error;
use std::time::Duration;

use crate::SecretEncoding;

/// A setting that cannot work. The receiver is not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No secret was given.
    #[error("no secret for sender `{sender}`: add one with `.secret(Secret::new(..)?)`")]
    SecretMissing {
        /// The sender's name.
        sender: String,
    },
    /// Every secret given has an end that lies in the past.
    #[error("every secret of sender `{sender}` has ended: add one without an end, or with a later one")]
    SecretsEnded {
        /// The sender's name.
        sender: String,
    },
    /// The secret is empty or only white space.
    #[error("the secret is blank: check the variable or file that it is read from")]
    SecretBlank,
    /// The secret names a variable or file instead of being one.
    #[error("the secret looks like a reference (`{scheme}...`): resolve it first and pass what it names")]
    SecretIsReference {
        /// The prefix that gave it away.
        scheme: &'static str,
    },
    /// The secret is not of the declared encoding.
    #[error("the secret is not valid {encoding:?}: copy it again, whole, or correct the encoding")]
    SecretUndecodable {
        /// The declared encoding.
        encoding: SecretEncoding,
    },
    /// The secret was read in another way than the sender writes it.
    #[error(
        "sender `{sender}` writes its secrets as {wanted:?}, this one was read as {given:?}: use `Secret::decode(text, SecretEncoding::{wanted:?})`"
    )]
    SecretEncoding {
        /// The sender's name.
        sender: String,
        /// How the sender writes it.
        wanted: SecretEncoding,
        /// How it was read.
        given: SecretEncoding,
    },
    /// A secret that cannot be what the sender uses.
    #[error("the secret cannot be one of sender `{sender}`: {reason}")]
    SecretUnfit {
        /// The sender's name.
        sender: String,
        /// Why, and what to give.
        reason: &'static str,
    },
    /// A secret for a sender that proves nothing, or beside tenants, whose own secrets count.
    #[error("sender `{sender}` checks no secret of its own: {reason}")]
    SecretUnused {
        /// The sender's name.
        sender: String,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// HMAC-SHA1 in a build without it.
    #[error(
        "sender `{sender}` signs with SHA-1: turn on the feature `insecure-sha1` of the crate `counterfoil` if you accept that"
    )]
    Sha1 {
        /// The sender's name.
        sender: String,
    },
    /// A sender whose endpoint must be asked, and nothing that could ask it.
    #[error(
        "sender `{sender}` is checked by its own endpoint: add `.remote(..)`, such as a `counterfoil_remote::Client`"
    )]
    RemoteMissing {
        /// The sender's name.
        sender: String,
    },
    /// A sender whose endpoint must be asked, and no id of the webhook to ask with.
    #[error("sender `{sender}` is checked by its own endpoint, which wants the webhook's id: add `.webhook_id(..)`")]
    WebhookIdMissing {
        /// The sender's name.
        sender: String,
    },
    /// A sender that signs its receiver's address, and no address.
    #[error(
        "sender `{sender}` signs the address that it sends to: add `.public_url(..)`, exactly as it was given to the sender"
    )]
    PublicUrlMissing {
        /// The sender's name.
        sender: String,
    },
    /// A public URL that no sender could have been given. It is not shown: people put secrets into addresses.
    #[error(
        "the public URL is none: write it as `https://host/path`, exactly as it was given to the sender, without user, \
         password and fragment"
    )]
    PublicUrlInvalid,
    /// A setting for senders of another kind.
    #[error("sender `{sender}` has no use for `.{setting}(..)`: remove it")]
    SettingUnused {
        /// The sender's name.
        sender: String,
        /// The setting.
        setting: &'static str,
    },
    /// A sender whose deliveries cannot be signed here, because its algorithm is not known or nothing is signed.
    #[error("deliveries of sender `{sender}` cannot be signed here: {reason}")]
    Unsignable {
        /// The sender's name.
        sender: String,
        /// Why.
        reason: &'static str,
    },
    /// A setting of the store, and no store.
    #[error("`.{setting}(..)` does nothing without a store: add `.store(..)`, or remove it")]
    StoreMissing {
        /// The setting.
        setting: &'static str,
    },
    /// More secrets than are tried.
    #[error("{given} secrets are too many: at most {most} are tried, remove those whose rotation is over")]
    SecretsTooMany {
        /// How many were given.
        given: usize,
        /// How many are allowed.
        most: usize,
    },
    /// The scheme breaks a rule that keeps one signature from fitting two requests.
    #[error("the scheme's `{field}` is unsafe: {reason}")]
    Scheme {
        /// The field of the sender's file.
        field: &'static str,
        /// The rule.
        reason: &'static str,
    },
    /// A header name of the scheme is not a valid one.
    #[error("`{name}` is not a valid header name: correct `{field}`")]
    HeaderName {
        /// The field of the sender's file.
        field: &'static str,
        /// The name as given.
        name: String,
    },
    /// A pointer of the envelope is not RFC 6901.
    #[error("`{pointer}` is not a JSON pointer: write `{field}` as `/member` or `/outer/inner`")]
    Pointer {
        /// The field of the sender's file.
        field: &'static str,
        /// The pointer as given.
        pointer: String,
    },
    /// A sender or endpoint name that would make keys ambiguous or logs unreadable.
    #[error("`{name}` is not a usable name: 1 to 255 bytes without control characters")]
    Name {
        /// The name as given.
        name: String,
    },
    /// Strict tolerance for a sender that signs local time, without its offset.
    #[error(
        "sender `{sender}` signs its site's local time: give the site's UTC offset (`.utc_offset(..)`, on the command line \
         `--utc-offset +HH:MM`), or use the retry-safe tolerance with a store"
    )]
    UtcOffsetMissing {
        /// The sender's name.
        sender: String,
    },
    /// A UTC offset for a sender whose times are UTC.
    #[error("sender `{sender}` signs UTC: remove the UTC offset")]
    UtcOffsetUnused {
        /// The sender's name.
        sender: String,
    },
    /// More offsets than a site can have.
    #[error("at most two UTC offsets make sense: winter and summer time")]
    UtcOffsetsTooMany,
    /// A text that is not a UTC offset.
    #[error("`{text}` is not a UTC offset: write it as +HH:MM or -HH:MM, from -12:00 to +14:00")]
    UtcOffsetInvalid {
        /// The text as given, cut.
        text: String,
    },
    /// Retention that lets a replay outlive its record.
    #[error(
        "a retention of {retention:?} is shorter than the replay bound {least:?} (past + future tolerance + lease + handler \
         time where it outlasts the lease + 1 h): raise `.retention(..)`, narrow the tolerance, or lower `.handler_time(..)`"
    )]
    RetentionTooShort {
        /// The retention as given.
        retention: Duration,
        /// The least that is safe.
        least: Duration,
    },
    /// A lease that its own safety margin would use up.
    #[error("a lease of {lease:?} leaves no time for a handler: give at least {least:?}")]
    LeaseTooShort {
        /// The lease as given.
        lease: Duration,
        /// The least that works.
        least: Duration,
    },
    /// A duration of zero where something must be allowed to happen.
    #[error("`{setting}` must not be zero")]
    Zero {
        /// The setting's name.
        setting: &'static str,
    },
}

/// What an error says, with what lies under it.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
