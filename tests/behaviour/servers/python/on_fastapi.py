"""A router of FastAPI's whose routes are the receiver's."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request, Response

from counterfoil.fastapi import route_class
from script import HANDLED, Script


def application(script: Script) -> FastAPI:
    router = APIRouter(route_class=route_class(script.receiver))

    @router.api_route("/webhooks/{sender}", methods=["GET", "POST", "PUT"])
    async def hook(request: Request) -> Response:
        return Response(HANDLED, await script.aperform(await request.body()))

    app = FastAPI()
    app.include_router(router)
    return app
