"""From a request's headers and body to a verdict, beside what one would use instead.

Ours reads the event too, judges its time and makes its key; the others compare signatures, and some judge the time.

Runs the contender of each line on standard input so many times, and says the seconds that one call took.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import standardwebhooks
import stripe
import svix

from counterfoil import Verifier, sign

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def order(length: int) -> bytes:
    """An order event of HanDl's shape: items enough to fill the length, and the rest as a note."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {
        "id": "evt_1",
        "type": "order.created",
        "created_at": now,
        "data": {"id": "ord_1", "items": [], "note": ""},
    }
    items = event["data"]["items"]  # type: ignore[index]
    while len(json.dumps(event)) + 80 < length:
        items.append({"sku": f"sku-{len(items)}", "name": "Zürich, a poster", "quantity": 2, "price": "1500.00"})
    spare = length - len(json.dumps(event).encode())
    event["data"]["note"] = "n" * spare  # type: ignore[index]
    return json.dumps(event).encode()


def headers(proof: dict[str, str], length: int) -> dict[str, str]:
    """A request's headers, the proof last."""
    return {
        "host": "shop.example",
        "user-agent": "sender/1.0",
        "content-type": "application/json",
        "content-length": str(length),
        "accept": "*/*",
        **proof,
    }


def contenders(length: int) -> dict[str, Callable[[], object]]:
    body = order(length)
    assert len(body) == length
    key = SECRET.encode()

    def proven(sender: str) -> dict[str, str]:
        return headers(sign(sender, SECRET, body), length)

    handl, standard, striped = proven("handl"), proven("standard-webhooks"), proven("stripe")
    ours = {sender: Verifier(sender, SECRET) for sender in ("handl", "standard-webhooks", "stripe")}
    with_standardwebhooks, with_svix = standardwebhooks.Webhook(SECRET), svix.Webhook(SECRET)
    signature = handl["x-handl-signature"]

    def stdlib() -> None:
        assert hmac.compare_digest(hmac.new(key, body, hashlib.sha256).hexdigest(), signature)

    def stdlib_and_json() -> None:
        stdlib()
        json.loads(body)

    return {
        "handl": lambda: ours["handl"].verify(handl, body),
        "standard-webhooks": lambda: ours["standard-webhooks"].verify(standard, body),
        "stripe": lambda: ours["stripe"].verify(striped, body),
        "stdlib": stdlib,
        "stdlib, json": stdlib_and_json,
        "peer stripe": lambda: stripe.WebhookSignature.verify_header(
            body.decode(), striped["stripe-signature"], SECRET, 300
        ),
        "peer standardwebhooks": lambda: with_standardwebhooks.verify(body, standard),
        "peer svix": lambda: with_svix.verify(body, standard),
    }


def main(length: int, calls: int) -> None:
    known = contenders(length)
    for line in sys.stdin:
        call = known[line.strip()]
        began = time.perf_counter()
        for _ in range(calls):
            call()
        print((time.perf_counter() - began) / calls, flush=True)


if __name__ == "__main__":
    main(length=int(sys.argv[1]), calls=int(sys.argv[2]))
