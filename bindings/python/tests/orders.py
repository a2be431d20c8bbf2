"""Deliveries of HanDl orders, as the tests send them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from counterfoil import Answer, Lease, sign

SECRET = "whsec_of_the_python_tests"


def event(event_id: str, note: str = "") -> tuple[dict[str, str], bytes]:
    """Headers and body of one order event, signed now."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = f'{{"total":"1500.00","note":"{note}"}}'
    body = f'{{"id":"{event_id}","type":"order.created","created_at":"{now}","data":{data}}}'
    return sign("handl", SECRET, body.encode()), body.encode()


def won(admission: Lease | Answer) -> Lease:
    assert isinstance(admission, Lease), admission
    return admission


def told(admission: Lease | Answer | None) -> tuple[int, str]:
    """The status of an answer, and its code or kind."""
    assert isinstance(admission, Answer), admission
    return admission.status, admission.code or admission.kind


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.005)
