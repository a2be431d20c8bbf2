//! Tags, and the ways to write them.

use counterfoil::scheme::{Hash, TagEncoding};

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn hmac(hash: Hash, key: &[u8], message: &[u8]) -> Vec<u8> {
    match hash {
        Hash::Sha256 => hmac_sha256::HMAC::mac(message, key).to_vec(),
        Hash::Sha512 => hmac_sha512::HMAC::mac(message, key).to_vec(),
        Hash::InsecureSha1 => hmac_sha1_compact::HMAC::mac(message, key).to_vec(),
        other => panic!("{other:?} is new here"),
    }
}

pub(crate) fn write(bytes: &[u8], encoding: TagEncoding) -> String {
    match encoding {
        TagEncoding::Hex => hex(bytes),
        TagEncoding::Base64 => base64(bytes),
        TagEncoding::Base64Url => base64(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_"),
        other => panic!("{other:?} is new here"),
    }
}

/// The bytes that are written so; hex digits are of either case, and everything else has one form.
pub(crate) fn read(text: &[u8], encoding: TagEncoding) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let (text, bits) = match encoding {
        TagEncoding::Hex => (text.to_ascii_lowercase(), 4),
        _ => (text.to_owned(), 6),
    };
    let digits = text.trim_end_matches('=').chars().map(|char| match (encoding, char) {
        (TagEncoding::Hex, _) => char.to_digit(16),
        (_, '-') => Some(62),
        (_, '_') => Some(63),
        _ => STANDARD.iter().position(|known| char::from(*known) == char).and_then(|at| u32::try_from(at).ok()),
    });
    let digits: Vec<u32> = digits.collect::<Option<_>>()?;
    let bits = digits.iter().flat_map(|digit| (0..bits).rev().map(move |bit| digit >> bit & 1)).collect::<Vec<_>>();
    let bytes = bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | bit));
    let bytes: Vec<u8> = bytes.map(u8::try_from).collect::<Result<_, _>>().ok()?;
    (write(&bytes, encoding) == text).then_some(bytes)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    let group = |bytes: &[u8]| {
        let whole = (0..3).fold(0, |whole, at| whole << 8 | usize::from(bytes.get(at).copied().unwrap_or_default()));
        let digit = |at: usize| if at <= bytes.len() { char::from(STANDARD[whole >> (18 - 6 * at) & 63]) } else { '=' };
        [digit(0), digit(1), digit(2), digit(3)]
    };
    bytes.chunks(3).flat_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree_with_rfc_4648() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
            assert_eq!(read(text.as_bytes(), TagEncoding::Base64).unwrap(), bytes.as_bytes());
        }
        for text in ["Zg", "Zg=", "Zh==", "Zg==\n", "Zm-v", "Z===", "="] {
            assert_eq!(read(text.as_bytes(), TagEncoding::Base64), None, "{text}");
        }
        assert_eq!(read(b"Zg", TagEncoding::Base64Url).unwrap(), b"f");
        assert_eq!(read(b"_-8", TagEncoding::Base64Url).unwrap(), [0xff, 0xef]);
        assert_eq!(read(b"fF00", TagEncoding::Hex).unwrap(), [255, 0]);
        for text in ["f", "fg", "0x00", "+f", "ff="] {
            assert_eq!(read(text.as_bytes(), TagEncoding::Hex), None, "{text}");
        }
    }

    #[test]
    fn tags_agree_with_rfc_4231_and_rfc_2202() {
        let (key, message) = (b"Jefe", b"what do ya want for nothing?");
        let tag = |hash| hex(&hmac(hash, key, message));
        assert_eq!(tag(Hash::Sha256), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(tag(Hash::Sha512).starts_with("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"));
        assert_eq!(tag(Hash::InsecureSha1), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    }
}
