"""A verified endpoint of Starlette's."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from counterfoil.starlette import verified
from script import HANDLED, Script


def application(script: Script) -> Starlette:
    @verified(script.receiver)
    async def hook(request: Request) -> Response:
        return Response(HANDLED, await script.aperform(await request.body()))

    return Starlette(routes=[Route("/webhooks/{sender}", hook)])
