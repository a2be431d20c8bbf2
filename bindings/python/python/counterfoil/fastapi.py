"""A receiver in front of FastAPI routes.

A delivery is verified before FastAPI reads anything: `Form()`, models and `Request` work after it, and a wrong
signature over broken JSON is a wrong signature. The event is settled by the status that goes out, with every
`HTTPException`, exception handler and dependency's exit behind it, and before the first byte of it does. Dependencies
of the `function` scope exit before that; those of FastAPI's default, `request`, exit after the response is sent, and
what they commit then is not covered.

Example:
    A whole application, for `uvicorn hooks:app`:

    >>> import os
    >>> from counterfoil import Receiver, SqliteStore
    >>> from counterfoil.fastapi import Delivered, Event, route_class
    >>> from fastapi import APIRouter, FastAPI
    >>> from pydantic import BaseModel
    >>>
    >>> class Order(BaseModel):
    ...     id: str
    ...     total: int
    >>>
    >>> receiver = Receiver("handl", os.environ["HANDL_SECRET"], store=SqliteStore("webhooks.db"))
    >>> router = APIRouter(route_class=route_class(receiver))
    >>>
    >>> @router.post("/webhooks/handl", status_code=204)
    ... async def order(order: Event[Order], delivery: Delivered) -> None:
    ...     print(delivery.event_type, order.total)
    >>>
    >>> app = FastAPI()
    >>> app.include_router(router)

An `async def` endpoint that takes `Delivered`, `Leased` and `Request` alone, and is annotated to return a `Response`,
leaves FastAPI nothing to resolve and nothing to encode: it is called directly, which saves more time than verifying
takes. What `counterfoil.asgi` says holds here too. A `def` endpoint runs in a thread, as always; it
cannot be stopped, and runs to its end.
"""

# Without the annotations of the future: FastAPI reads those of a dependency, and finds no names for an object's.

import inspect
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar, get_type_hints, overload

from fastapi import Depends, HTTPException, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from counterfoil import _asgi, starlette
from counterfoil._asgi import Receive, Scope, Send
from counterfoil._core import Delivery, Lease, Receiver
from counterfoil.errors import ConfigError

__all__ = ["Delivered", "Event", "Leased", "delivery", "lease", "route_class"]

_T = TypeVar("_T")

_Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
_Resolver: TypeAlias = Callable[[Request], object]


@overload
def route_class(receiver: Receiver) -> type[APIRoute]: ...
@overload
def route_class(receiver: Mapping[str, Receiver], *, parameter: str) -> type[APIRoute]: ...
def route_class(receiver: Receiver | Mapping[str, Receiver], *, parameter: str | None = None) -> type[APIRoute]:
    """Makes the class of routes that a receiver stands in front of.

    Args:
        receiver: The receiver; or several, by the value of a path parameter. Another value of it is a 404.
        parameter: The name of that path parameter.

    Returns:
        What `APIRouter(route_class=..)` takes. All routes of that router are the receiver's.

    Example:
        >>> receivers = {receiver.endpoint: receiver for receiver in (handl, agiled)}
        >>> router = APIRouter(route_class=route_class(receivers, parameter="sender"))
        >>>
        >>> @router.post("/webhooks/{sender}")
        ... async def receive(sender: str, delivery: Delivered) -> None: ...
    """
    if isinstance(receiver, Receiver):
        return _route_of(receiver)
    if parameter is None:
        raise ConfigError("say by the value of which path parameter a receiver is chosen: `parameter=`")
    return _route_of_one(receiver, parameter)


def _route_of(receiver: Receiver) -> type[APIRoute]:
    class VerifiedRoute(_Route):
        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            await _asgi.serve(receiver, super().handle, scope, receive, send)

    return VerifiedRoute


def _route_of_one(receivers: Mapping[str, Receiver], parameter: str) -> type[APIRoute]:
    class VerifiedRoute(_Route):
        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            receiver = receivers.get(scope["path_params"].get(parameter))
            if receiver is None:
                raise HTTPException(404)
            await _asgi.serve(receiver, super().handle, scope, receive, send)

    return VerifiedRoute


class _Route(APIRoute):
    """A route that calls an endpoint which wants nothing but its delivery without asking FastAPI what it might want.

    That takes several times as long as to verify the delivery.
    """

    def get_route_handler(self) -> _Handler:
        handler, resolvers = super().get_route_handler(), _resolvers(self)
        return handler if resolvers is None else self._direct(resolvers, handler)

    def _direct(self, resolvers: dict[str, _Resolver], handler: _Handler) -> _Handler:
        endpoint, overrides = self.endpoint, self.dependency_overrides_provider

        async def handle(request: Request) -> Response:
            if getattr(overrides, "dependency_overrides", None):
                return await handler(request)
            returned = await endpoint(**{name: resolve(request) for name, resolve in resolvers.items()})
            return returned if isinstance(returned, Response) else JSONResponse(jsonable_encoder(returned))

        return handle


def _resolvers(route: APIRoute) -> dict[str, _Resolver] | None:
    """How each argument of an endpoint is had, if FastAPI is not needed for it."""
    if route.dependencies or not inspect.iscoroutinefunction(route.endpoint):
        return None
    try:
        hints = get_type_hints(route.endpoint, include_extras=True)
    except NameError:
        return None
    returned = hints.pop("return", None)
    if not (isinstance(returned, type) and issubclass(returned, Response)):
        return None
    ours: list[tuple[object, _Resolver]] = [
        (Delivered, starlette.delivery),
        (Leased, starlette.lease),
        (Request, _itself),
    ]
    known = {name: resolve for name, hint in hints.items() for kind, resolve in ours if hint == kind}
    return known if set(known) == set(inspect.signature(route.endpoint).parameters) else None


def _itself(request: Request) -> Request:
    return request


async def delivery(request: Request) -> Delivery:
    """The verified delivery that a request is, as a dependency.

    Raises:
        ConfigError: No receiver stands in front of this route.
    """
    return starlette.delivery(request)


async def lease(request: Request) -> Lease:
    """The lease that a delivery is handled under, as a dependency.

    Raises:
        ConfigError: No receiver stands in front of this route.
    """
    return starlette.lease(request)


Delivered: TypeAlias = Annotated[Delivery, Depends(delivery)]
"""A parameter that is the verified delivery."""

Leased: TypeAlias = Annotated[Lease, Depends(lease)]
"""A parameter that is the lease, with the fence and the deadline of this attempt."""


if TYPE_CHECKING:
    Event: TypeAlias = Annotated[_T, "the delivery's data"]
else:

    class Event:
        """A parameter that is the data of the event, as a model: `order: Event[Order]`.

        Read from the verified body, wherever its sender puts the data. Of another shape it is a
        `RequestValidationError`, FastAPI's 422, which gives the event back for the next retry.
        """

        def __class_getitem__(cls, model: type[_T]) -> Any:
            return Annotated[model, Depends(_Data(model))]


class _Data:
    """Reads the data of a delivery as one type. Equal ones are one dependency, which FastAPI resolves once."""

    def __init__(self, model: Any) -> None:
        self._model: Final = model
        self._adapter: Final = TypeAdapter[Any](model)

    async def __call__(self, request: Request) -> Any:
        data = starlette.delivery(request).data()
        try:
            return self._adapter.validate_python(data)
        except ValidationError as error:
            errors = [{**one, "loc": ("data", *one["loc"])} for one in error.errors(include_url=False)]
            raise RequestValidationError(errors, body=data) from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Data) and self._model == other._model

    def __hash__(self) -> int:
        # Not every type has a hash of its own.
        return hash(_Data)
