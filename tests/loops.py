"""Asynchronous code in a synchronous test.

A browser's fixture keeps an event loop running in the thread of the tests of its file, so a
loop of one's own needs a thread of its own.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """What it returns, whatever else runs in the caller's thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()  # noqa: TID251 - this is the one way
