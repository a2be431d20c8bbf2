"""Times and ids that are signed."""

from __future__ import annotations

import re
from datetime import timedelta

from draft import Draft
from mutations.registry import has_head_time, has_id, mutation


@mutation("time")
def far_away(draft: Draft) -> str:
    draft.at += timedelta(seconds=draft.rng.choice([-(10**9), -86_400, -3_600, 3_600, 86_400, 10**8]))
    draft.write_time()
    draft.write_body()
    return str(draft.at)


@mutation("time", has_head_time, weight=3)
def a_time_in_another_form(draft: Draft) -> str:
    seconds = int(draft.at.timestamp())
    text = draft.at.isoformat(timespec="seconds")
    forms = [
        *(f"+{seconds}", f"0{seconds}", f"00{seconds}", f" {seconds}", f"{seconds} ", f"\t{seconds}"),
        *(f"{seconds // 10**7}_{seconds % 10**7:07}", f"{seconds}.0", f"{seconds}.5", f"{seconds / 10**9:.9f}e9"),
        *(str(seconds)[:9], f"{seconds}0", f"{seconds}000", f"{seconds:x}", "", "NaN", "inf", "-1", "0", "1e999"),
        *(f"\xa0{seconds}", str(seconds).translate({ord(d): 0xFF10 + int(d) for d in "0123456789"}), "\xb9\xb2" * 5),
        *(f"-{seconds}", f"{seconds},{seconds}", f"{seconds};", str(2**63), str(2**64), "9" * 400, "9" * 5000),
        *(text.replace("+00:00", "Z"), text.replace("T", " "), text.replace("+00:00", ""), text[:10]),
        *(text.replace("-", ""), text.replace("T", "t"), text.replace("+00:00", "z"), text.replace("+00", "-00")),
        *(text.replace("+00:00", "+0000"), text.replace("+00:00", ".123456789Z"), text.replace("T12", "T24")),
    ]
    form = draft.rng.choice(forms)
    draft.stamp = form.encode("utf-8" if max(form, default="") > "\xff" else "latin-1")
    # The packages sign what they have read, and not what was written.
    read = draft.scheme.whsec or draft.scheme.name == "stripe"
    number = b"%d" % (int(form[:4000]) if re.fullmatch("[0-9]+", form) else seconds)
    draft.stamp_signed = number if draft.rng.random() < (0.7 if read else 0.1) else draft.stamp
    return repr(form[:50])


@mutation("signed", has_head_time)
def a_time_changed_after_it_was_signed(draft: Draft) -> None:
    digit = draft.rng.randrange(max(len(draft.stamp), 1))
    draft.stamp = draft.stamp[:digit] + draft.rng.choice([b"0", b"1", b"7"]) + draft.stamp[digit + 1 :]


@mutation("signed", has_id)
def an_id_of_another_form(draft: Draft) -> str:
    ids = [
        b"",
        b"a.b",
        b"evt 1",
        b"x" * 1024,
        b"x" * 1025,
        b"{webhook.id}",
        b"\t1",
        b"1\t",
        b"1, 2",
        b"msg_\xe9",
        b"\xff",
    ]
    draft.id = draft.rng.choice(ids)
    # Those who decode it as latin-1 sign it as UTF-8.
    draft.id_signed = draft.rng.choice([draft.id, draft.id.decode("latin-1").encode()])
    return repr(draft.id[:50])


@mutation("signed", has_id)
def an_id_changed_after_it_was_signed(draft: Draft) -> None:
    draft.id += b"x"
