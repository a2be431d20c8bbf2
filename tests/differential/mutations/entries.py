"""Lists of signatures."""

from __future__ import annotations

from draft import Draft
from mutations.registry import has_entry_time, is_list, mutation


def others(draft: Draft) -> list[bytes]:
    """Entries that match nothing."""
    scheme, entry = draft.scheme, draft.entry
    wrong = scheme.prefix + scheme.tag(b"another key", draft.body)
    return [
        *(wrong, wrong, b"", b"v1", b"v1a,c2lnbmF0dXJl", b"v0=" + b"0" * 64, b"v2=1=2", b"x=y", b"=", b",", b"t"),
        *(
            b"scheme=",
            scheme.prefix,
            scheme.prefix + b"!!!!",
            scheme.prefix + b"QQQ",
            scheme.prefix + b"\xe9",
            scheme.prefix + b"\xff" * 64,
        ),
        *(entry[:-3], entry[len(scheme.prefix) :], b"\xff", b" ", b"v1,a,b"),
    ]


@mutation("entries", is_list, weight=2)
def entries_ahead(draft: Draft) -> str:
    draft.before = draft.rng.sample(others(draft), draft.rng.choice([1, 1, 1, 2, 5]))
    return repr(draft.before)[:200]


@mutation("entries", is_list)
def entries_behind(draft: Draft) -> str:
    draft.after = draft.rng.sample(others(draft), draft.rng.choice([1, 2, 5]))
    return repr(draft.after)[:200]


@mutation("entries", is_list)
def many_entries(draft: Draft) -> str:
    wrong = draft.scheme.prefix + draft.scheme.tag(b"another key", draft.body)
    draft.before = [wrong] * draft.rng.choice([13, 14, 15, 16, 17, 200])
    return str(len(draft.before))


@mutation("entries", is_list)
def the_good_one_twice(draft: Draft) -> None:
    draft.after = [draft.entry]


@mutation("entries", has_entry_time)
def times_of_other_entries(draft: Draft) -> str:
    time = draft.scheme.time
    assert time
    prefix = time.name.encode()
    stamp = draft.stamp
    forms = [prefix + stamp, prefix + b"1", prefix, prefix + b"x", prefix.upper() + stamp, b" " + prefix + stamp]
    entry = draft.rng.choice([*forms, prefix + stamp + b"=junk"])
    (draft.before if draft.rng.random() < 0.5 else draft.after).append(entry)
    return repr(entry)


@mutation("entries", has_entry_time)
def junk_behind_the_time(draft: Draft) -> None:
    draft.stamp += draft.rng.choice([b"=", b"=junk", b"=1=2"])
