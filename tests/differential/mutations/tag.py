"""The tag, and what is around it."""

from __future__ import annotations

import base64

from draft import Draft
from mutations.registry import is_base64, is_hex, mutation


@mutation("tag")
def a_bit_of_the_tag(draft: Draft) -> None:
    entry = bytearray(draft.entry)
    entry[draft.rng.randrange(len(entry))] ^= 1 << draft.rng.randrange(7)
    draft.entry = bytes(byte if byte >= 0x20 and byte != 0x7F else 0x21 for byte in entry)


@mutation("tag")
def the_last_digit_of_the_tag(draft: Draft) -> None:
    padding = draft.entry[len(draft.entry.rstrip(b"=")) :]
    bare = draft.entry.rstrip(b"=")
    last = draft.rng.choice(b"0123456789abcdef")
    draft.entry = bare[:-1] + bytes([last]) + padding


@mutation("tag", is_hex)
def hex_of_another_case(draft: Draft) -> str:
    prefix = len(draft.scheme.prefix)
    tag = draft.entry[prefix:]
    changed, what = draft.rng.choice([(tag.upper(), "upper"), (tag[:9].upper() + tag[9:], "mixed")])
    draft.entry = draft.entry[:prefix] + changed
    return what


@mutation("tag")
def a_tag_of_another_length(draft: Draft) -> str:
    prefix, tag = draft.scheme.prefix, draft.entry[len(draft.scheme.prefix) :]
    forms = [b"", tag[:1], tag[:-1], tag[:-2], tag[:32], tag[1:], tag + tag[:2], tag + tag, tag + b"00", tag[:4] * 300]
    draft.entry = prefix + draft.rng.choice(forms)
    return f"{len(draft.entry)} bytes"


@mutation("tag", is_base64)
def base64_that_is_not_strict(draft: Draft) -> str:
    prefix, tag = draft.scheme.prefix, draft.entry[len(draft.scheme.prefix) :]
    bare = tag.rstrip(b"=")
    digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = bytes([digits[digits.index(bare[-1:]) ^ 1]])
    junk = draft.rng.choice([b"!", b"-", b"_", b"\t", b"*", b".", b"\xe9", b"="])
    place = draft.rng.randrange(len(bare))
    forms = {
        "junk": bare[:place] + junk + bare[place:] + b"=",
        "junk ahead": b"-" + tag,
        "junk behind": tag + b"!",
        "no padding": bare,
        "more padding": tag + b"==",
        "url-safe": tag.replace(b"+", b"-").replace(b"/", b"_"),
        "a bit behind the last byte": bare[:-1] + other + b"=",
        "in hex": base64.b64decode(tag).hex().encode(),
        "text behind the padding": tag + b"QUJD",
    }
    name = draft.rng.choice(list(forms))
    draft.entry = prefix + forms[name]
    return name


@mutation("tag")
def another_prefix(draft: Draft) -> str:
    prefix, tag = draft.scheme.prefix, draft.entry[len(draft.scheme.prefix) :]
    others = [b"", prefix.upper(), prefix + prefix, prefix[:-1], b"v0=", b"v1a,", b"v2,", b"sha1=", b"sha256=", b"V1="]
    draft.entry = draft.rng.choice(others) + tag
    return repr(draft.entry[:10])


@mutation("tag")
def something_around_the_tag(draft: Draft) -> str:
    prefix, tag = draft.scheme.prefix, draft.entry[len(draft.scheme.prefix) :]
    forms = [
        *(b" " + draft.entry, draft.entry + b" ", draft.entry + b"\t", prefix + b" " + tag, prefix + b'"' + tag + b'"'),
        *(
            draft.entry + b"=junk",
            draft.entry + b"=",
            draft.entry + b",junk",
            draft.entry + b"\xe9",
            b"\xe9" + draft.entry,
        ),
        *(draft.entry + b";", draft.entry + b"|", draft.entry + b"\x85", draft.entry + b"\xa0"),
    ]
    draft.entry = draft.rng.choice(forms)
    return repr(draft.entry)
