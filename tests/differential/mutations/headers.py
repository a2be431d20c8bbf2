"""Headers, once they are assembled."""

from __future__ import annotations

from draft import Draft
from mutations.registry import has_event_header, is_svix, mutation


def judged(draft: Draft) -> int:
    """Which of them is changed."""
    return draft.rng.randrange(len(draft.headers))


@mutation("headers")
def a_header_missing(draft: Draft) -> str:
    if not draft.headers:
        return "none left"
    name, _ = draft.headers.pop(judged(draft))
    return name.decode()


@mutation("headers")
def a_header_empty(draft: Draft) -> None:
    if draft.headers:
        index = judged(draft)
        draft.headers[index] = (draft.headers[index][0], b"")


@mutation("headers")
def a_header_twice(draft: Draft) -> str:
    if not draft.headers:
        return "none left"
    name, value = draft.headers[judged(draft)]
    value = draft.rng.choice([value, value, b"", value[:-1] + b"0", b"x"])
    draft.headers.insert(draft.rng.randrange(len(draft.headers) + 1), (name, value))
    return f"{name!r} {value!r}"


@mutation("headers")
def a_header_joined(draft: Draft) -> None:
    if draft.headers:
        index = judged(draft)
        name, value = draft.headers[index]
        draft.headers[index] = (name, value + draft.rng.choice([b",", b", "]) + draft.rng.choice([value, b""]))


@mutation("headers")
def names_of_another_case(draft: Draft) -> None:
    change = draft.rng.choice([bytes.upper, bytes.lower, bytes.swapcase, bytes.title])
    draft.headers = [(change(name), value) for name, value in draft.headers]


@mutation("headers")
def a_name_that_is_only_near(draft: Draft) -> None:
    if draft.headers:
        index = judged(draft)
        name, value = draft.headers[index]
        draft.headers[index] = (
            draft.rng.choice([name.replace(b"-", b"_"), name + b"s", b"x" + name, name[:-1]]),
            value,
        )


@mutation("headers")
def other_headers(draft: Draft) -> None:
    draft.headers[:0] = [(b"Host", b"example.com"), (b"X-Signature", b"x"), (b"Stripe-Signatures", b"t=1,v1=0")]


@mutation("headers")
def something_around_a_value(draft: Draft) -> str:
    if not draft.headers:
        return "none left"
    index = judged(draft)
    name, value = draft.headers[index]
    ahead, behind = draft.rng.choice(
        [(b" ", b""), (b"", b" "), (b"\t", b"\t"), (b"\xe9", b""), (b'"', b'"'), (b"", b"\xff")]
    )
    draft.headers[index] = (name, ahead + value + behind)
    return f"{name!r} {ahead!r} {behind!r}"


@mutation("headers", is_svix)
def the_other_brand_of_headers(draft: Draft) -> str:
    count = draft.rng.choice([1, 2, 3, 3, 3])
    beside = draft.rng.random() < 0.4
    headers = [(name.replace(b"svix-", b"webhook-"), value) for name, value in draft.headers[:count]]
    draft.headers = [*(draft.headers if beside else draft.headers[count:]), *headers]
    return f"{count}, {'beside' if beside else 'instead'}"


@mutation("headers", has_event_header)
def an_event_header(draft: Draft) -> str:
    assert draft.scheme.event_header
    name = draft.scheme.event_header.encode()
    values = draft.rng.choice([[b"thing.happened"], [b"another"], [b""], [b"a", b"b"], [b"a", b"a"]])
    draft.headers += [(name, value) for value in values]
    return repr(values)
