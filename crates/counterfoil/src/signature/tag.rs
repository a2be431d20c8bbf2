//! A decoded MAC, or the digest of a credential: read strictly, compared in constant time.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE_NO_PAD};
use subtle::{Choice, ConstantTimeEq};

use super::digest;
use crate::scheme::TagEncoding;

/// The widest tag, that of SHA-512.
const MAX_TAG_BYTES: usize = 64;

/// What the base64 decoder wants for [`MAX_TAG_BYTES`]: its estimate counts the padding too.
const DECODE_ROOM: usize = MAX_TAG_BYTES + 3;

/// A decoded MAC. Shorter ones than the widest are followed by zeros.
///
/// # Security
/// There is no `PartialEq` and no access to the bytes: two tags can only be compared in constant time.
#[derive(Clone, Copy)]
pub(crate) struct Tag {
    bytes: [u8; MAX_TAG_BYTES],
    width: usize,
}

impl Tag {
    /// A tag of these bytes; `None` if there are more than any hash makes.
    pub(super) fn new(tag: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_TAG_BYTES];
        bytes.get_mut(..tag.len())?.copy_from_slice(tag);
        Some(Self { bytes, width: tag.len() })
    }

    /// The digest of a credential, so that credentials of any length are compared in one time.
    pub(crate) fn of_credential(text: &[u8]) -> Self {
        let mut bytes = [0; MAX_TAG_BYTES];
        let digest = digest(text);
        bytes[..digest.len()].copy_from_slice(&digest);
        Self { bytes, width: digest.len() }
    }

    /// Reads a tag of `width` bytes exactly as `encoding` writes it: full length, no white space, nothing after it.
    pub(crate) fn decode(text: &[u8], encoding: TagEncoding, width: usize) -> Option<Self> {
        let mut tag = Self { bytes: [0; MAX_TAG_BYTES], width };
        let written = match encoding {
            TagEncoding::Hex => base16ct::mixed::decode(text, &mut tag.bytes).ok()?.len(),
            TagEncoding::Base64 => decode_base64(&STANDARD, text, &mut tag.bytes)?,
            TagEncoding::Base64Url => decode_base64(&URL_SAFE_NO_PAD, text, &mut tag.bytes)?,
        };
        (written == width).then_some(tag)
    }

    /// The text of this tag, for signing.
    pub(crate) fn encode(&self, encoding: TagEncoding) -> String {
        let bytes = self.bytes.get(..self.width).unwrap_or_default();
        match encoding {
            TagEncoding::Hex => base16ct::lower::encode_string(bytes),
            TagEncoding::Base64 => STANDARD.encode(bytes),
            TagEncoding::Base64Url => URL_SAFE_NO_PAD.encode(bytes),
        }
    }

    /// Tags of different widths never match, whatever they hold: the sender does not choose the hash.
    pub(crate) fn matches(&self, other: &Self) -> Choice {
        let pairs = self.words().into_iter().zip(other.words());
        let difference = pairs.fold(0, |difference, (ours, theirs)| difference | (ours ^ theirs));
        difference.ct_eq(&0) & Choice::from(u8::from(self.width == other.width))
    }

    /// An eighth of the bytes' steps to compare.
    fn words(&self) -> [u64; MAX_TAG_BYTES / 8] {
        let (words, _) = self.bytes.as_chunks();
        std::array::from_fn(|index| u64::from_ne_bytes(words[index]))
    }
}

fn decode_base64(engine: &GeneralPurpose, text: &[u8], bytes: &mut [u8; MAX_TAG_BYTES]) -> Option<usize> {
    let mut room = [0; DECODE_ROOM];
    let written = engine.decode_slice(text, &mut room).ok()?;
    bytes.get_mut(..written)?.copy_from_slice(room.get(..written)?);
    Some(written)
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(redacted)")
    }
}
