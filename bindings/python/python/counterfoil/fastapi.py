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

Where every microsecond counts, take `request: Request` and read `request.state.delivery`: then FastAPI has no
dependency to resolve. What `counterfoil.asgi` says holds here too. A `def` endpoint runs in a thread, as always; it
cannot be stopped, and runs to its end.
"""

# Without the annotations of the future: FastAPI reads those of a dependency, and finds no names for an object's.

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar, overload

from fastapi import Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from counterfoil import _asgi, starlette
from counterfoil._asgi import Receive, Scope, Send
from counterfoil._core import Delivery, Lease, Receiver
from counterfoil.errors import ConfigError

__all__ = ["Delivered", "Event", "Leased", "delivery", "lease", "route_class"]

_T = TypeVar("_T")


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
    class VerifiedRoute(APIRoute):
        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            await _asgi.serve(receiver, super().handle, scope, receive, send)

    return VerifiedRoute


def _route_of_one(receivers: Mapping[str, Receiver], parameter: str) -> type[APIRoute]:
    class VerifiedRoute(APIRoute):
        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            receiver = receivers.get(scope["path_params"].get(parameter))
            if receiver is None:
                raise HTTPException(404)
            await _asgi.serve(receiver, super().handle, scope, receive, send)

    return VerifiedRoute


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
