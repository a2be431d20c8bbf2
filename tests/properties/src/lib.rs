//! What holds for every input: one function for each kind of input, which panics where a law is broken.
//!
//! The fuzzer calls them with what it makes up, and `tests/laws.rs` with what a seed makes up, in the ordinary tests.
//! The verdict expected comes from `model`, a second reading of the documents that shares no code with the first.

mod input;
mod law;
mod model;
mod request;
mod targets;
mod terms;

pub use targets::differential::differential;
pub use targets::event::event;
pub use targets::headers::headers;
pub use targets::key::key;
pub use targets::remote::remote;
pub use targets::sender_file::sender_file;
pub use targets::signature_header::signature_header;
pub use targets::timestamp::timestamp;

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 8] = [
    ("differential", differential),
    ("event", event),
    ("headers", headers),
    ("key", key),
    ("remote", remote),
    ("sender_file", sender_file),
    ("signature_header", signature_header),
    ("timestamp", timestamp),
];
