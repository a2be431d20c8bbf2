"""Bodies of every kind."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random

from schemes import OFFSET, Scheme

TEXTS = (
    "caf\u00e9 \U0001f600",
    "$$ $& $1 {body} {timestamp} %s %d",
    "a\r\nb\tc",
    "\u2028\u2029\ufeff\u0000",
    "</script>\\/\"'",
    "0" * 300,
)
NUMBERS = ("0", "-0", "1500.00", "1e5", "9" * 19, "9" * 300, "1" * 5000, "-1E-400", "1e999", "0.1")
DEEP = (2, 60, 5000)
FIT_IDS = ('"evt_1"', '"1"', "1", "18446744073709551616", '"\\u00e9vt"', '"a b"', '"{x"', '"' + "x" * 1024 + '"')
UNFIT_IDS = (
    *("null", "1.5", "true", "{}", "[]", "1e3", '""', '"a\\u0000b"', '"{webhook.id}"'),
    *('"\\ud800"', '"' + "x" * 1025 + '"', "1" * 1100),
)


def written(scheme: Scheme, at: datetime, rng: Random) -> str:
    """A time as the sender writes it, as JSON."""
    time = scheme.time
    assert time
    seconds = int(at.timestamp())
    match time.form:
        case "seconds":
            return str(seconds)
        case "millis":
            return str(seconds * 1000 + at.microsecond // 1000)
        case "site":
            return str(seconds + OFFSET)
        case "rfc3339":
            text = at.astimezone(UTC).isoformat(timespec=rng.choice(["seconds", "milliseconds", "microseconds"]))
            return json.dumps(text.replace("+00:00", rng.choice(["Z", "+00:00"])))
        case "any":
            form = rng.choice([str(seconds), str(seconds * 1000), at.isoformat(timespec="seconds")])
            return form if form.isdigit() else json.dumps(form.replace("+00:00", "Z"))


class Event:
    """The members of an event, each as JSON, on their way into a body."""

    def __init__(self, scheme: Scheme, at: datetime, rng: Random) -> None:
        self.rng = rng
        self.scheme = scheme
        self.members: list[tuple[str, str]] = []
        if scheme.id:
            self.members.append((scheme.id, f'"evt_{rng.randrange(10**6)}"'))
        if scheme.type:
            value = '"thing.happened"'
            for name in reversed(scheme.type[1:]):
                value = f'{{"{name}":{value}}}'
            self.members.append((scheme.type[0], value))
        if scheme.time and scheme.time.place == "body":
            self.members.append((scheme.time.name, written(scheme, at, rng)))
        if scheme.name == "stripe" and rng.random() < 0.9:
            self.members.append(("object", '"event"'))
        self.members.append(("data", self.data()))
        rng.shuffle(self.members)

    def data(self) -> str:
        rng = self.rng
        text = json.dumps(rng.choice(TEXTS), ensure_ascii=rng.random() < 0.5)
        number = rng.choice(NUMBERS) if rng.random() < 0.1 else str(rng.randrange(10**9))
        return f'{{"text":{text},"number":{number},"list":[1,{{}},null]}}'

    def put(self, name: str, value: str | None) -> None:
        """Another value for a member, or none."""
        index = next(index for index, (key, _) in enumerate(self.members) if key == name)
        self.members[index : index + 1] = [] if value is None else [(name, value)]

    def text(self) -> str:
        colon, comma = self.rng.choice([(":", ","), (": ", ", "), (" :\n", "\r\n,\t")])
        return "{" + comma.join(f'"{name}"{colon}{value}' for name, value in self.members) + "}"


def ordinary(scheme: Scheme, at: datetime, rng: Random) -> bytes:
    """An event that nobody refuses."""
    return Event(scheme, at, rng).text().encode()


def odd(scheme: Scheme, at: datetime, rng: Random) -> tuple[str, bytes]:
    """A body that some readers refuse, and what it is."""
    event = Event(scheme, at, rng)
    usual = event.text().encode()
    names = [name for name in (scheme.id, scheme.type[0] if scheme.type else None) if name]
    kind = rng.choice([*KINDS, "id", "id", "id missing", "twice", "time", "time"])
    match kind:
        case "time" if scheme.time and scheme.time.place == "body":
            return kind, other_time(event, at).text().encode()
        case "id" if scheme.id:
            event.put(scheme.id, rng.choice([*FIT_IDS, *UNFIT_IDS]))
            return kind, event.text().encode()
        case "id missing" if scheme.id:
            event.put(scheme.id, None)
            return kind, event.text().encode()
        case "twice" if names:
            name = rng.choice(names)
            event.members.insert(rng.randrange(len(event.members) + 1), (name, rng.choice(['"other"', "null"])))
            return kind, event.text().encode()
        case "white space":
            blank = rng.choice([b" ", b"\n", b"\r\n", b"\t\t"])
            return kind, blank + usual + blank
        case "another member":
            name, value = rng.choice(MEMBERS)
            event.members.append((name, value))
            return kind, event.text().encode()
        case "deep":
            depth = rng.choice(DEEP)
            event.members.append(("deep", "[" * depth + "]" * depth))
            return kind, event.text().encode()
        case "utf-16":
            return kind, usual.decode().encode(rng.choice(["utf-16-le", "utf-16-be", "utf-32-le"]))
        case "utf-16 of ascii":
            plain = json.dumps(json.loads(event.text(), parse_int=len)).encode()
            return kind, plain.decode().encode("utf-16-le")
        case "bom":
            return kind, b"\xef\xbb\xbf" + usual
        case "tail":
            return kind, usual + rng.choice([b"\0", b"{}", b",", b"x", b"\x0c", b"\xa0", b"\xc2\xa0"])
        case "cut":
            return kind, usual[: rng.randrange(len(usual))]
        case "list":
            return kind, b"[" + usual + b"]"
        case "constant":
            event.members.append(("constant", rng.choice(["NaN", "Infinity", "-Infinity"])))
            return kind, event.text().encode()
        case "invalid utf-8":
            return kind, usual.replace(b'"text":"', b'"text":"' + rng.choice([b"\xff", b"\xc0\x80", b"\xed\xa0\x80"]))
        case "broken":
            return kind, rng.choice(BROKEN)
        case "large":
            event.members.append(("large", '"' + "x" * rng.choice([5_000, 70_000, 300_000]) + '"'))
            return kind, event.text().encode()
        case _:
            return "random", rng.randbytes(rng.randrange(60))


def other_time(event: Event, at: datetime) -> Event:
    """A time in the body that is not as the sender writes it, or that is there twice."""
    time, rng = event.scheme.time, event.rng
    assert time
    text = written(event.scheme, at, rng).strip('"')
    forms = [
        None,
        text,
        f'"{text}"',
        f'"{text} "',
        f'" {text}"',
        f'"+{text}"',
        f"{text}.5",
        "null",
        f"[{text}]",
        "true",
    ]
    forms += [f'"{text.replace("T", " ")}"', f'"{text.replace("Z", "+0000")}"', f'"{text.replace("T", "t")}"', '"NaN"']
    if rng.random() < 0.3:
        place = rng.randrange(len(event.members) + 1)
        event.members.insert(place, (time.name, written(event.scheme, at, rng)))
    else:
        event.put(time.name, rng.choice(forms))
    return event


KINDS = (
    *("white space", "another member", "deep", "utf-16", "utf-16 of ascii", "bom", "tail", "cut", "list", "constant"),
    *("invalid utf-8", "broken", "large", "random"),
)
MEMBERS = (
    ("", "1"),
    ("more", "1" * 5000),
    ("more", "1" * 5000),
    ("more", '"\\ud800"'),
    ("more", "-0"),
    ("more", "1e999"),
    ("more", '"' + "\\u0000" * 9 + '"'),
    *[("object", '"v2.core.event"')] * 4,
)
BROKEN = (
    *(b"", b" ", b"null", b"true", b'"text"', b"1", b"[]", b"{}", b"{", b"}", b"{]", b"id=evt_1&type=x"),
    *(b"{'id':1}", b'{"a":01}', b'{"a":1,}', b'{"a":"\n"}', b'{"a":.5}', b'{"a":+1}', b'{"a":1}//', b"\0"),
)
