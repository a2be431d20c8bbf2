//! SHA-256 digests, for keys, fingerprints and scopes.

use sha2::{Digest as _, Sha256};

/// SHA-256 of `bytes`.
pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 over parts, each preceded by its length as eight big-endian bytes, so that no two lists of parts
/// share one input. A clone goes on from where the original stands.
#[derive(Clone)]
pub(crate) struct Parts(Sha256);

impl Parts {
    pub(crate) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(crate) fn with(mut self, part: &[u8]) -> Self {
        // Lossless on every platform Rust has: `usize` is at most 64 bits wide.
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        self.0.update(length.to_be_bytes());
        self.0.update(part);
        self
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
