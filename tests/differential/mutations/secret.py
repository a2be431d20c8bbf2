"""Secrets that are another, or are in another form."""

from __future__ import annotations

from draft import Draft
from mutations.registry import is_whsec, mutation


@mutation("secret")
def another_secret(draft: Draft) -> None:
    draft.key = draft.key[:-1] + bytes([draft.key[-1] ^ 1])


@mutation("secret")
def a_secret_that_is_none(draft: Draft) -> str:
    nothing = ["", " ", "\t\n", "whsec_", "\0\0", "\xa0", " \0"]
    draft.secret = draft.rng.choice([*nothing, "env:SECRET", "$SECRET", "${SECRET}"])
    if not draft.scheme.whsec:
        draft.key = draft.secret.encode()
    return repr(draft.secret)


@mutation("secret", is_whsec)
def a_secret_in_another_form(draft: Draft) -> str:
    bare = draft.secret.removeprefix("whsec_")
    forms = [
        bare,
        "WHSEC_" + bare,
        "whsec_" + bare + "==",
        "whsec_" + bare[:-1] + "-",
        "whsec_" + bare + "\n",
        "whsec_ " + bare,
        "whsec_" + bare[:10] + "!" + bare[10:],
        "whsec_" + "MTIzNDU2Nzg5MDEyMzQ1Ng",
    ]
    draft.secret = draft.rng.choice(forms)
    if draft.secret.endswith("Ng"):
        draft.key = b"1234567890123456"
    return repr(draft.secret)


@mutation("secret")
def a_secret_with_an_end(draft: Draft) -> str:
    draft.secret += draft.rng.choice(["\n", " ", "\0", "\u00e9"])
    if not draft.scheme.whsec and draft.rng.random() < 0.5:
        draft.key = draft.secret.encode()
    return repr(draft.secret)
