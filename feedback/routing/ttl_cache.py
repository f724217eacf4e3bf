"""What every route asks for and hardly ever changes: looked up once a second by each process."""

import time
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from django.conf import settings

Found = TypeVar("Found")


def for_a_moment(find: Callable[[], Found]) -> Callable[[], Found]:
    """The last result, unless it is older than `ROUTING_MOMENT`; threads may look up twice."""
    kept: tuple[float, Found] | None = None

    @wraps(find)
    def found() -> Found:
        nonlocal kept
        now = time.monotonic()
        if kept is None or now - kept[0] >= settings.ROUTING_MOMENT_SECONDS:
            kept = (now, find())
        return kept[1]

    return found
