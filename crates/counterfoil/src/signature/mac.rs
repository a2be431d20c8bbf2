//! HMAC over several secrets at once.

use std::fmt;

use hmac::KeyInit;
use hmac::block_api::HmacCore;
use hmac::digest::Output;
use hmac::digest::block_api::{Buffer, EagerHash, FixedOutputCore, UpdateCore};
use sha2::{Sha256, Sha512};

use super::Tag;
use crate::Secret;
use crate::scheme::Hash;
use crate::verifier::MAX_SECRETS;

/// A secret with its two key blocks already compressed, so that a check pays for the message alone.
#[derive(Clone)]
pub(crate) enum MacKey {
    Sha256(HmacCore<Sha256>),
    Sha512(Box<HmacCore<Sha512>>),
    #[cfg(feature = "insecure-sha1")]
    Sha1(HmacCore<sha1::Sha1>),
}

impl MacKey {
    /// `None` where this build has no such hash.
    pub(crate) fn new(secret: &Secret, hash: Hash) -> Option<Self> {
        Self::of(secret.bytes(), hash)
    }

    pub(super) fn of(key: &[u8], hash: Hash) -> Option<Self> {
        Some(match hash {
            Hash::Sha256 => Self::Sha256(core(key)),
            Hash::Sha512 => Self::Sha512(Box::new(core(key))),
            #[cfg(feature = "insecure-sha1")]
            Hash::InsecureSha1 => Self::Sha1(core(key)),
            #[cfg(not(feature = "insecure-sha1"))]
            Hash::InsecureSha1 => return None,
        })
    }
}

fn core<D: EagerHash>(key: &[u8]) -> HmacCore<D> {
    // RFC 2104 takes keys of every length, so this constructor has no failing case.
    HmacCore::new_from_slice(key).unwrap_or_else(|_| unreachable!())
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(redacted)")
    }
}

/// The tags in the making of one message, one for each active secret.
///
/// They share one buffer for the block that is not full yet: all of them see the same bytes.
struct Bank<D: EagerHash> {
    cores: [Option<HmacCore<D>>; MAX_SECRETS],
    buffer: Buffer<HmacCore<D>>,
}

impl<D: EagerHash> Bank<D> {
    fn begin<'k>(mut keys: impl Iterator<Item = Option<&'k HmacCore<D>>>) -> Self
    where
        D: 'k,
    {
        let cores = std::array::from_fn(|_| keys.next().flatten().cloned());
        Self { cores, buffer: Buffer::<HmacCore<D>>::default() }
    }

    fn update(&mut self, bytes: &[u8]) {
        let Self { cores, buffer } = self;
        buffer.digest_blocks(bytes, |blocks| cores.iter_mut().flatten().for_each(|core| core.update_blocks(blocks)));
    }

    fn finish(&mut self, index: usize) -> Option<Tag> {
        let core = self.cores.get_mut(index)?;
        let mut tag = Output::<HmacCore<D>>::default();
        // In place: taken out, the state would be copied.
        core.as_mut()?.finalize_fixed_core(&mut self.buffer.clone(), &mut tag);
        *core = None;
        Tag::new(&tag)
    }
}

/// The tags in the making of one message, under the hash of its scheme.
pub(crate) struct Macs(Banks);

#[expect(clippy::large_enum_variant, reason = "the usual hash is worth its place, the others should not widen it")]
enum Banks {
    Sha256(Bank<Sha256>),
    Sha512(Box<Bank<Sha512>>),
    #[cfg(feature = "insecure-sha1")]
    Sha1(Box<Bank<sha1::Sha1>>),
}

/// Does the same with whichever bank it is.
macro_rules! with_bank {
    ($macs:expr, $bank:ident => $do:expr) => {
        match &mut $macs.0 {
            Banks::Sha256($bank) => $do,
            Banks::Sha512($bank) => $do,
            #[cfg(feature = "insecure-sha1")]
            Banks::Sha1($bank) => $do,
        }
    };
}

impl Macs {
    /// Begins a tag of `hash` under each of `keys`. Those that are `None` or of another hash, and those beyond
    /// [`MAX_SECRETS`], make none.
    pub(crate) fn begin<'k>(hash: Hash, keys: impl Iterator<Item = Option<&'k MacKey>>) -> Self {
        Self(match hash {
            Hash::Sha512 => Banks::Sha512(Box::new(Bank::begin(keys.map(|key| match key {
                Some(MacKey::Sha512(core)) => Some(&**core),
                _ => None,
            })))),
            #[cfg(feature = "insecure-sha1")]
            Hash::InsecureSha1 => Banks::Sha1(Box::new(Bank::begin(keys.map(|key| match key {
                Some(MacKey::Sha1(core)) => Some(core),
                _ => None,
            })))),
            // Without SHA-1 in this build there is no key of it either, so that nothing can match.
            _ => Banks::Sha256(Bank::begin(keys.map(|key| match key {
                Some(MacKey::Sha256(core)) => Some(core),
                _ => None,
            }))),
        })
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        with_bank!(self, bank => bank.update(bytes));
    }

    /// The tag under the key of that index; `None` where there is none, and the second time.
    pub(crate) fn finish(&mut self, index: usize) -> Option<Tag> {
        with_bank!(self, bank => bank.finish(index))
    }
}

impl fmt::Debug for Macs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Macs(redacted)")
    }
}
