"""The database in an event loop."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import connection

P = ParamSpec("P")
T = TypeVar("T")


def stored(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Run it in a thread, and give its connection back at once.

    Connections are few. Who waits for a model between two short statements holds none meanwhile.
    """

    @wraps(function)
    def closing(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        finally:
            connection.close()

    return sync_to_async(closing)
