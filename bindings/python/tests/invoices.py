"""An invoice event, the secrets it may be signed with, and how it is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from counterfoil import Rejection, Verifier

NEW, OLD = "the-new-secret-of-ours", "the-old-secret-of-ours"
NOW = datetime(2026, 5, 18, 12, 0, tzinfo=UTC)
BODY = b'{"id":"evt_1","event":"invoice.paid","occurred_at":"2026-05-18T12:00:00Z","data":{"total":12.50}}'


def refusal(verifier: Verifier, headers: Any, body: Any = BODY, now: datetime = NOW) -> str:
    with pytest.raises(Rejection) as caught:
        verifier.verify_at(headers, body, now)
    return caught.value.code
