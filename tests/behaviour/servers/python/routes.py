"""A Django without a project, whose one route changes from script to script."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.urls import path

from script import HANDLED


def configure() -> None:
    """Once for the process."""
    settings.configure(ALLOWED_HOSTS=["127.0.0.1"], LOGGING_CONFIG=None, ROOT_URLCONF=ModuleType("none"))


def set_route(hook: Callable[..., Any]) -> None:
    """Gives the path to this view."""
    routes = ModuleType("routes of a script")
    routes.urlpatterns = [path("webhooks/<sender>", hook)]  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = routes


def handled(status: int) -> HttpResponse:
    """The handler's answer."""
    response = HttpResponse(HANDLED, status=status)
    del response["content-type"]
    return response
