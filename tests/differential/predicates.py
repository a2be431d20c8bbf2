"""When an explanation applies: decided from the request, whatever the verdicts. As narrow as each can be."""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Callable

from looks import MOST_ENTRIES, Looks, Number, Pairs, forgiving

Predicate = Callable[[Looks], bool]

ALL: dict[str, Predicate] = {}


def predicate(applies: Predicate) -> Predicate:
    ALL[applies.__name__] = applies
    return applies


# The head


@predicate
def header_twice(looks: Looks) -> bool:
    """A header that must be there once came more often."""
    return any(len(looks.request.values(name)) > 1 for name in looks.scheme.names)


@predicate
def other_brand(looks: Looks) -> bool:
    """A header of Svix is missing, and the one of Standard Webhooks is there."""
    return any(looks.request.value(name) is None and looks.value(name) is not None for name in looks.scheme.names)


@predicate
def beyond_sixteen(looks: Looks) -> bool:
    """Every good entry, or the time, stands behind the sixteenth."""
    bound, rest = looks.entries[:MOST_ENTRIES], looks.entries[MOST_ENTRIES:]
    time = looks.scheme.time
    stamp = time.name.encode() if time and time.place == "entry" else None
    is_late = stamp is not None and not any(entry.startswith(stamp) for entry in bound)
    return bool(rest) and (is_late or not any(map(looks.is_good, bound))) and any(map(looks.is_good, looks.entries))


@predicate
def time_twice(looks: Looks) -> bool:
    """Two entries of the signature header are times."""
    return len(looks.stamps) > 1


@predicate
def loose_time(looks: Looks) -> bool:
    """A time in the head that Python reads, and that is not of the sender's form."""
    return looks.time is not None and not looks.is_strict_time


@predicate
def far_ahead(looks: Looks) -> bool:
    """A time of the right form that lies more than 60 s ahead."""
    return looks.is_strict_time and looks.ahead > 60


@predicate
def up_to_five_minutes_ahead(looks: Looks) -> bool:
    """A time of the right form that lies more than 60 s ahead, and no more than 300."""
    return looks.is_strict_time and 60 < looks.ahead <= 300


@predicate
def upper_case_hex(looks: Looks) -> bool:
    """The right tag, with digits of upper case."""
    prefix = looks.scheme.prefix
    return not looks.scheme.base64 and any(
        entry.startswith(prefix)
        and entry != looks.tag
        and entry.removeprefix(prefix).lower() == looks.raw_tag.hex().encode()
        for entry in looks.entries[:MOST_ENTRIES]
    )


@predicate
def loose_tag(looks: Looks) -> bool:
    """The right tag, written as only the other side takes it."""
    return not looks.has_strict_tag and any(map(looks.is_good, looks.entries))


@predicate
def entry_without_equals(looks: Looks) -> bool:
    """An entry that is a name of ours alone."""
    return b"v1" in looks.entries or b"t" in looks.entries


@predicate
def entry_beyond_ascii_ahead(looks: Looks) -> bool:
    """Before the good entry, another of its version that is not ASCII."""
    return any(entry.startswith(looks.scheme.prefix) and not entry.isascii() for entry in looks.ahead_of_the_tag)


@predicate
def entry_of_another_shape_ahead(looks: Looks) -> bool:
    """Before the good entry, one that is not a version, a comma and a tag."""
    return any(entry.count(b",") != 1 for entry in looks.ahead_of_the_tag)


@predicate
def entry_undecodable_ahead(looks: Looks) -> bool:
    """Before the good entry, another of its version that no decoder of base64 takes."""
    return any(entry.startswith(looks.scheme.prefix) and forgiving(entry) is None for entry in looks.ahead_of_the_tag)


@predicate
def unfit_signed_id(looks: Looks) -> bool:
    """An id in a signed header that is no visible text of 1 to 1024 bytes without a dot or a placeholder."""
    assert looks.scheme.id_header
    text = looks.value(looks.scheme.id_header) or ""
    visible = all(" " <= char <= "~" for char in text)
    return not visible or not 1 <= len(text) <= 1024 or "." in text or _is_placeholder(text)


@predicate
def event_contradicted(looks: Looks) -> bool:
    """A header outside the signature names another event than the body, or two."""
    if not looks.scheme.event_header:
        return False
    said = {value.decode("latin-1") for value in looks.request.values(looks.scheme.event_header)}
    if looks.event_type is not None:
        said.add(looks.event_type)
    return len(said) > 1


# The secret


@predicate
def loose_secret(looks: Looks) -> bool:
    """A secret that is not `whsec_` and strict base64."""
    secret = looks.request.secret
    bare = secret.removeprefix("whsec_")
    return not secret.startswith("whsec_") or base64.b64encode(looks.key) != bare.encode()


@predicate
def secret_is_a_reference(looks: Looks) -> bool:
    """The name of a secret, where the secret should be."""
    return re.fullmatch(r"env:\w+|\$\w+|\$\{\w+\}", looks.request.secret) is not None


@predicate
def secret_of_nothing(looks: Looks) -> bool:
    """A secret of zeros and white space, in whatever alphabet."""
    return looks.request.secret.replace("\0", "").strip() == ""


# The body


@predicate
def no_json(looks: Looks) -> bool:
    """What no reader of JSON takes."""
    return isinstance(looks.json, ValueError) and not constant_of_python(looks)


@predicate
def no_object(looks: Looks) -> bool:
    """JSON, and not an object."""
    return not isinstance(looks.json, (Pairs, Exception))


@predicate
def constant_of_python(looks: Looks) -> bool:
    """`NaN` and the like, which Python reads and JSON does not have."""
    return isinstance(looks.json, ValueError) and str(looks.json) in ("NaN", "Infinity", "-Infinity")


@predicate
def another_encoding(looks: Looks) -> bool:
    """JSON behind a byte order mark, or in UTF-16 or UTF-32."""
    return isinstance(looks.json, ValueError) and json.detect_encoding(looks.request.body) != "utf-8"


@predicate
def too_much_for_python(looks: Looks) -> bool:
    """JSON with more nesting, or longer integers, than Python reads."""
    try:
        json.loads(looks.request.body)
    except (ValueError, RecursionError) as error:
        return _is_too_much_for_python(error)
    return False


@predicate
def unfit_id(looks: Looks) -> bool:
    """The event's id is missing, there twice, or neither a usable text nor an integer."""
    if not looks.scheme.id or not isinstance(looks.json, Pairs):
        return False
    id = looks.member(looks.scheme.id)
    if isinstance(id, Number):
        return not re.fullmatch(r"-?[0-9]+", id) or len(id) > 1024
    if not isinstance(id, str):
        return True
    try:
        length = len(id.encode())
    except UnicodeEncodeError:
        return True
    return not 1 <= length <= 1024 or any(unicodedata.category(char) == "Cc" for char in id) or _is_placeholder(id)


@predicate
def thin_event(looks: Looks) -> bool:
    """An event that Stripe's package wants to be read by another function."""
    return looks.members("object")[-1:] == ["v2.core.event"]


@predicate
def body_time_twice(looks: Looks) -> bool:
    """The signed time stands in the body twice."""
    time = looks.scheme.time
    return time is not None and time.place == "body" and len(looks.members(time.name)) > 1


@predicate
def loose_body_time(looks: Looks) -> bool:
    """A time in the body that Python reads, and that is not of the sender's form."""
    time = looks.scheme.time
    return time is not None and time.place == "body" and len(looks.members(time.name)) == 1 and not looks.is_strict_time


def _is_placeholder(text: str) -> bool:
    return re.search(r"\{.*\}", text, re.DOTALL) is not None


def _is_too_much_for_python(error: Exception) -> bool:
    return isinstance(error, RecursionError) or "Exceeds the limit" in str(error)
