"""Runs a block of code of a page as it stands there, and sends deliveries to the application that it makes.

`page.py FILE`: the code. What it calls `app`, or `urlpatterns`, gets one event twice, and once without a signature, on
each path in the code that names a sender. What it does only as a program, such as serving, it does not do here.
"""

from __future__ import annotations

import inspect
import os
import re
import runpy
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from counterfoil import senders, sign

BODY = (
    '{{"id":"evt_1","type":"order.created","event":"invoice.paid","created_at":"{now}","timestamp":"{now}",'
    '"data":{{"id":"ord_1","number":"1","status":"new","currency":"EUR","total":850000}}}}'
)

_APPLICATION = re.compile(r"\b(FastAPI|Flask|Starlette)\(|\burlpatterns\b")


def main() -> None:
    file = Path(sys.argv[1])
    made = runpy.run_path(str(file), run_name="page")
    app = made.get("app") or _django(made)
    text = file.read_text()
    if app is None:
        assert not _APPLICATION.search(text), "the block makes an application, and does not call it `app`"
    else:
        for path, sender in _paths(text):
            with _client(app) as client:
                _deliver(client, path, sender)


def _paths(text: str) -> list[tuple[str, str]]:
    """The paths in a text that end with the name of a sender."""
    named = sorted(set(re.findall(r'"/?webhooks/([a-z-]+)"', text)))
    paths = [(f"/webhooks/{name}", name) for name in named if name in senders()]
    assert paths, "the block makes an application, and has no path of the form `webhooks/SENDER`"
    return paths


def _deliver(client: Any, path: str, sender: str) -> None:
    body = BODY.format(now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")).encode()
    secret = os.environ[f"{sender.upper().replace('-', '_')}_SECRET"]
    signed = sign(sender, secret, body) | {"content-type": "application/json"}
    first = client.post(path, content=body, headers=signed)
    assert first.is_success and "x-webhook-duplicate" not in first.headers, (path, first, first.text)
    again = client.post(path, content=body, headers=signed)
    assert again.is_success and again.headers["x-webhook-duplicate"] == "1", (path, again, again.text)
    unsigned = client.post(path, content=body, headers={"content-type": "application/json"})
    assert unsigned.status_code == 401, (path, unsigned, unsigned.text)


def _client(app: Any) -> httpx.Client:
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(type(app).__call__):
        from starlette.testclient import TestClient

        return TestClient(app)
    return httpx.Client(transport=httpx.WSGITransport(app), base_url="http://page")


def _django(made: dict[str, Any]) -> Any:
    if "urlpatterns" not in made:
        return None
    from types import ModuleType

    from django.conf import settings
    from django.core.wsgi import get_wsgi_application

    routes = ModuleType("routes")
    routes.urlpatterns = made["urlpatterns"]  # type: ignore[attr-defined]
    settings.configure(ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None, ROOT_URLCONF=routes)
    return get_wsgi_application()


if __name__ == "__main__":
    main()
