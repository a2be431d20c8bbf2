//! What can fail, how, and when.

/// The files whose calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The store's write-ahead log, without which it can promise nothing.
    Log,
    /// The store's database, which takes over from the log now and then, and may do so later.
    File,
    /// The log of the service's own database.
    Books,
    /// All of the store's.
    All,
}

impl Target {
    pub(crate) fn files(self) -> &'static [&'static str] {
        match self {
            Self::Log => &["webhooks.db-wal"],
            Self::File => &["webhooks.db"],
            Self::Books => &["orders.db-wal"],
            Self::All => &["webhooks.db", "webhooks.db-wal", "webhooks.db-shm"],
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Open,
    Read,
    Write,
    Sync,
}

impl Call {
    pub(crate) fn names(self) -> &'static str {
        match self {
            Self::Open => "openat",
            Self::Read => "pread64",
            Self::Write => "pwrite64",
            // Which of them SQLite calls depends on how it was built.
            Self::Sync => "fsync,fdatasync",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Error {
    Io,
    Full,
}

impl Error {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Io => "EIO",
            Self::Full => "ENOSPC",
        }
    }
}

/// Calls of one thread, the first of which is 1. The store has a thread of its own for all but its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// And for ever.
    From(u32),
    Between(u32, u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) target: Target,
    pub(crate) call: Call,
    pub(crate) error: Error,
    pub(crate) when: When,
}

impl Fault {
    /// As `strace` wants it.
    pub(crate) fn injection(&self) -> String {
        let when = match self.when {
            When::From(first) => format!("{first}+"),
            When::Between(first, last) => format!("{first}..{last}"),
        };
        format!("inject={}:error={}:when={when}", self.call.names(), self.error.name())
    }

    pub(crate) fn ends(&self) -> bool {
        matches!(self.when, When::Between(..))
    }

    /// Whether nothing can be promised while it lasts.
    pub(crate) fn stops_claims(&self) -> bool {
        self.target == Target::Log && matches!(self.call, Call::Write | Call::Sync)
    }

    /// One call, ten of them, or all that follow, of every kind, from the first call on to about the 500th.
    pub(crate) fn many() -> impl Iterator<Item = Self> {
        let kinds = [
            (Target::Log, Call::Sync, Error::Io),
            (Target::Log, Call::Write, Error::Io),
            (Target::Log, Call::Write, Error::Full),
            (Target::Books, Call::Sync, Error::Io),
            (Target::Log, Call::Sync, Error::Full),
            (Target::Books, Call::Write, Error::Full),
        ];
        (1..).flat_map(move |first| {
            kinds.into_iter().enumerate().map(move |(number, (target, call, error))| {
                let when = match (usize::try_from(first).unwrap() + number) % 3 {
                    0 => When::From(first),
                    1 => When::Between(first, first),
                    _ => When::Between(first, first + 9),
                };
                Self { target, call, error, when }
            })
        })
    }
}
