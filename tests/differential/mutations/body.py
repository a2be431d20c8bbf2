"""Bodies that change after they were signed."""

from __future__ import annotations

from draft import Draft
from mutations.registry import has_head_time, mutation


@mutation("body")
def a_bit_of_the_body(draft: Draft) -> None:
    if draft.body:
        body = bytearray(draft.body)
        body[draft.rng.randrange(len(body))] ^= 1 << draft.rng.randrange(8)
        draft.body = bytes(body)


@mutation("body")
def the_body_rewritten(draft: Draft) -> str:
    body = draft.body
    forms = {
        "a line more": body + b"\n",
        "a byte less": body[:-1],
        "crlf": body.replace(b"\n", b"\r\n"),
        "lf": body.replace(b"\r\n", b"\n"),
        "no white space": b"".join(body.split()),
        "bom": b"\xef\xbb\xbf" + body,
        "no bom": body.removeprefix(b"\xef\xbb\xbf"),
        "empty": b"",
        "twice": body + body,
        "nul": body + b"\0",
        "replaced": body.decode("utf-8", "replace").encode(),
        "cut at nul": body.split(b"\0")[0],
        "a template's dollars": body.replace(b"$$", b"$"),
    }
    name = draft.rng.choice(list(forms))
    draft.body = forms[name]
    return name


@mutation("body", has_head_time)
def bytes_that_slide_between_time_and_body(draft: Draft) -> None:
    time = draft.scheme.in_head
    assert time
    if time.place == "header":
        name = time.name.lower().encode()
        for index, (key, value) in enumerate(draft.headers):
            if key.lower() == name and value:
                draft.headers[index] = (key, value[:-1])
                draft.body = value[-1:] + draft.body
