//! The senders that ship with the crate, one file of data each; and senders from files, with the feature `toml`.
//!
//! What each does on the wire, and how sure each fact is, is written in the project's `docs/senders/`.
//!
//! ```
//! use counterfoil::senders;
//!
//! let handl = senders::by_name("handl").ok_or("not a sender")?;
//! assert_eq!(handl.scheme.header(), Some("X-HanDl-Signature"));
//! # Ok::<(), &str>(())
//! ```

#[cfg(feature = "toml")]
mod file;
mod form;

mod agency_os_ai;
mod agency_os_ai_plugin;
mod agencyhandy;
mod agiled;
mod angage;
mod angage_marketplace;
mod handl;

pub use agency_os_ai::AGENCY_OS_AI;
pub use agency_os_ai_plugin::AGENCY_OS_AI_PLUGIN;
pub use agencyhandy::AGENCYHANDY;
pub use agiled::AGILED;
pub use angage::ANGAGE;
pub use angage_marketplace::ANGAGE_MARKETPLACE;
pub use handl::HANDL;

#[cfg(feature = "toml")]
pub use file::{CATALOGUE, SendersError, catalogue, from_toml};

use crate::scheme::Sender;

/// Every sender of the crate, by name.
pub static ALL: [Sender; 7] =
    [AGENCY_OS_AI, AGENCY_OS_AI_PLUGIN, AGENCYHANDY, AGILED, ANGAGE, ANGAGE_MARKETPLACE, HANDL];

/// The sender of that exact name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Sender> {
    ALL.iter().find(|sender| sender.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::time::Duration;

    #[test]
    fn names_and_event_types_are_unique() {
        let names: HashSet<_> = ALL.iter().map(|sender| &sender.name).collect();
        assert_eq!(names.len(), ALL.len());
        for sender in &ALL {
            let events: HashSet<_> = sender.events.iter().map(|event| &event.name).collect();
            assert_eq!(events.len(), sender.events.len(), "{}", sender.name);
        }
    }

    #[test]
    fn the_retry_safe_window_covers_the_schedule() {
        for sender in ALL.iter().filter(|sender| sender.scheme.timestamp().is_some()) {
            let horizon = sender.timing.retries.horizon().unwrap_or_default();
            assert!(sender.timing.retry_safe >= Some(horizon), "{}", sender.name);
        }
        assert_eq!(HANDL.timing.retries.horizon(), Some(Duration::from_secs(95_730)));
        assert_eq!(AGILED.timing.retries.horizon(), Some(Duration::from_secs(6_660)));
        assert_eq!(ANGAGE.timing.retries.horizon(), Some(Duration::from_secs(52_560)));
    }
}
