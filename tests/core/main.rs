//! What the core promises by itself: no server, no files, no store but memory.

mod adversarial;
mod challenges;
mod dependencies;
mod keys;
mod log;
mod properties;
mod stores;
mod vectors;
