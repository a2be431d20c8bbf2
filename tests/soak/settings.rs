//! What a run is to be like.

use std::time::Duration;

/// How long a run takes that nobody asked for.
const ORDINARY: Duration = Duration::from_secs(15);

/// The part of all deliveries that are new events.
const NEW: f64 = 0.75;

/// How long after its retention an event may be forgotten.
const SLACK: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) backend: Backend,
    pub(crate) time: Duration,
    /// Deliveries a second, to both receivers together.
    pub(crate) rate: u32,
    /// How long the store remembers an event.
    pub(crate) retention: Duration,
    /// Whether the figures have to be met.
    pub(crate) is_measured: bool,
}

impl Settings {
    /// Between two deliveries of the last ones, which are there so that the store goes on forgetting.
    pub(crate) const TRICKLE: Duration = Duration::from_millis(200);

    /// How many rows there may be in the end: those of the last deliveries, and of a few that are forgotten late.
    pub(crate) fn rest(&self) -> u32 {
        u32::try_from(self.retention.as_millis() / Self::TRICKLE.as_millis()).unwrap_or(u32::MAX) + 100
    }

    /// How many there may be at any time: what is made until it expires, and what one or two rounds of purging leave over.
    pub(crate) fn most_rows(&self) -> f64 {
        NEW * f64::from(self.rate) * (self.retention + SLACK).as_secs_f64()
    }

    /// As the environment wants it.
    pub(crate) fn from_env() -> Self {
        let seconds = |variable| number(variable).map(|seconds| Duration::from_secs(seconds.into()));
        let asked = seconds("SOAK_SECONDS");
        let backend = match std::env::var("SOAK_STORE").as_deref() {
            Err(_) | Ok("sqlite") => Backend::Sqlite,
            Ok("postgres") => Backend::Postgres,
            Ok(other) => panic!("SOAK_STORE={other} is neither `sqlite` nor `postgres`"),
        };
        let brief = Duration::from_secs(if asked.is_some() { 60 } else { 5 });
        Self {
            backend,
            time: asked.unwrap_or(ORDINARY),
            rate: number("SOAK_RATE").unwrap_or(500),
            retention: seconds("SOAK_RETENTION").unwrap_or(brief),
            is_measured: asked.is_some(),
        }
    }
}

fn number(variable: &str) -> Option<u32> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse().ok().filter(|number| *number > 0);
    Some(number.unwrap_or_else(|| panic!("{variable}={text} is no number above 0")))
}
