//! What a run is to be like.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that a process of a run has open beside its connections, at most.
const OTHER_FILES: usize = 200;

/// Where times are to be told, a thousand deliveries at the usual rate: ten of them are above the 99th percentile.
const MEASURED: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Attackers at the same time.
    pub(crate) sockets: usize,
    /// Honest deliveries a second.
    pub(crate) rate: u32,
    /// How long slow attackers come again once they are cut off; in an ordinary run they come once.
    pub(crate) long: Option<Duration>,
}

impl Settings {
    /// As the environment wants it.
    pub(crate) fn from_env() -> Self {
        Self {
            sockets: number("LOAD_SOCKETS").map_or(500, |sockets| usize::try_from(sockets).expect("so many sockets")),
            rate: number("LOAD_RATE").unwrap_or(50),
            long: number("LOAD_SECONDS").map(|seconds| Duration::from_secs(seconds.into())),
        }
    }

    /// How long honest deliveries are alone, before and after, and how long each of the faster attacks takes.
    pub(crate) fn stretch(&self) -> Duration {
        self.long.map_or(Duration::from_secs(5), |long| (long / 10).max(MEASURED))
    }

    /// Lets this process, and with it the services that it starts, open as many files as a run needs.
    pub(crate) fn allow_files(&self) {
        let needed = u64::try_from(self.sockets + OTHER_FILES).ok();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current.is_some_and(|current| needed > Some(current)) {
            assert!(maximum.is_none_or(|most| needed <= Some(most)), "no more than {maximum:?} files may be open");
            setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("within the limit");
        }
    }
}

fn number(variable: &str) -> Option<u32> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}
