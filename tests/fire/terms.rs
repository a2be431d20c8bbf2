//! What the harness and its receivers have agreed on.

/// The sender's secret. Receivers listen on sockets of their own run, so that no other run's deliveries reach them.
pub(crate) const SECRET: &str = "whsec_under_fire_0123456789";

/// What a receiver prints once it accepts deliveries.
pub(crate) const READY: &str = "ready";

/// What a receiver prints when it is about to freeze.
pub(crate) const STOPPED: &str = "stopped";

/// Where events and effects are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    /// Events in a SQLite file, effects elsewhere.
    Sqlite,
    /// Events in PostgreSQL, effects elsewhere.
    Postgres,
    /// Events and effects in PostgreSQL, committed together.
    PostgresTx,
    /// Events in Redis, effects elsewhere.
    Redis,
}

impl Backend {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::PostgresTx => "postgres-tx",
            Self::Redis => "redis",
        }
    }
}

/// How a receiver treats its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// As the crates' documentation says.
    Right,
    /// It acknowledges before the effect.
    AckFirst,
    /// It completes the event in its own transaction, and compares no token.
    Unfenced,
}

impl Conduct {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::AckFirst => "ack-first",
            Self::Unfenced => "unfenced",
        }
    }
}

/// Where a receiver can be told to kill or to stop itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Point {
    BeforeClaim,
    /// The event is ours, and nothing has been done about it.
    AfterClaim,
    BeforeEffect,
    /// Where effects are committed with the event: written, not committed.
    AfterEffect,
    BeforeCommit,
    AfterCommit,
    BeforeCompletion,
    AfterCompletion,
    /// The event is settled, and its answer made.
    BeforeAnswer,
    /// The answer has had a moment to get out.
    AfterAnswer,
}

impl Point {
    pub(crate) const ALL: [Self; 10] = [
        Self::BeforeClaim,
        Self::AfterClaim,
        Self::BeforeEffect,
        Self::AfterEffect,
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::BeforeCompletion,
        Self::AfterCompletion,
        Self::BeforeAnswer,
        Self::AfterAnswer,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BeforeClaim => "before-claim",
            Self::AfterClaim => "after-claim",
            Self::BeforeEffect => "before-effect",
            Self::AfterEffect => "after-effect",
            Self::BeforeCommit => "before-commit",
            Self::AfterCommit => "after-commit",
            Self::BeforeCompletion => "before-completion",
            Self::AfterCompletion => "after-completion",
            Self::BeforeAnswer => "before-answer",
            Self::AfterAnswer => "after-answer",
        }
    }
}

/// One effect of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effect {
    /// The event's id, as its sender gave it.
    pub(crate) event: String,
    pub(crate) attempt: i64,
    pub(crate) token: i64,
}

impl Effect {
    /// A line of the file of effects is as long as this. It divides a page: a kill cannot leave a part of a line,
    /// because the kernel copies what a write has for one page at once.
    pub(crate) const LINE: usize = 64;
}
