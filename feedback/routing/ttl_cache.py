"""Remember for a second, in each process, what every route asks for and hardly ever changes."""

import time
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from django.conf import settings

Found = TypeVar("Found")


def cached_for_a_second(find: Callable[[], Found]) -> Callable[[], Found]:
    """Return the last result of `find`, unless it is older than `ROUTING_MOMENT` seconds.

    There is no lock: two threads may both find it out of date and look it up, which costs less
    than a wait would.
    """
    kept: tuple[float, Found] | None = None

    @wraps(find)
    def found() -> Found:
        nonlocal kept
        now = time.monotonic()
        if kept is None or now - kept[0] >= settings.ROUTING_MOMENT_SECONDS:
            kept = (now, find())
        return kept[1]

    return found
