//! How long a sender waits, and when it comes back.

use std::borrow::Cow;
use std::time::Duration;

/// Deadline, retries and windows of a sender.
#[derive(Debug, Clone)]
pub struct Timing {
    /// How long the sender waits for the answer; `None` where it does not say.
    pub deadline: Option<Duration>,
    /// What the sender does after a failure.
    pub retries: Retries,
    /// How old a signed time may be for the last automatic retry to be accepted; `None` where the sender
    /// signs no time.
    pub retry_safe: Option<Duration>,
}

/// What a sender does after a failed delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retries {
    /// Nothing: a failed delivery is lost.
    Never,
    /// Only when a person presses a button, at any time.
    Manual,
    /// Not known.
    Unknown,
    /// Automatic retries, each after the given wait from the attempt before it.
    After(Cow<'static, [Duration]>),
}

impl Retries {
    /// The time from the first attempt to the last automatic one; `None` where there is no such bound.
    #[must_use]
    pub fn horizon(&self) -> Option<Duration> {
        match self {
            Self::Never => Some(Duration::ZERO),
            Self::After(waits) => Some(waits.iter().sum()),
            Self::Manual | Self::Unknown => None,
        }
    }
}
