//! Dying, or freezing, at a point.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Signal, getpid, kill_process};

use crate::terms::{Point, STOPPED};

/// Sends this process a signal at the n-th passage of one point. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Fuse {
    /// `None`: never.
    burns: Option<(Point, Signal)>,
    left: Arc<AtomicU32>,
}

impl Fuse {
    /// `never`, or the passage that it burns at: `kill:after-claim:3`, `stop:before-commit:1`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "never" {
            return Some(Self { burns: None, left: Arc::default() });
        }
        let mut words = text.split(':');
        let signal = match words.next()? {
            "kill" => Signal::KILL,
            "stop" => Signal::STOP,
            _ => return None,
        };
        let name = words.next()?;
        let point = Point::ALL.into_iter().find(|point| point.name() == name)?;
        Some(Self { burns: Some((point, signal)), left: Arc::new(AtomicU32::new(words.next()?.parse().ok()?)) })
    }

    pub(crate) fn pass(&self, point: Point) {
        let Some((burns, signal)) = self.burns else { return };
        if burns != point || self.left.fetch_sub(1, Ordering::Relaxed) != 1 {
            return;
        }
        if signal == Signal::STOP {
            let _ = writeln!(std::io::stdout(), "{STOPPED}");
        }
        // SIGKILL does not return: nothing of this process runs after it, and nothing is flushed or closed.
        if let Err(error) = kill_process(getpid(), signal) {
            tracing::error!(%error, "no signal");
            std::process::exit(2);
        }
    }
}
