"""The ASGI application that uvicorn serves."""

import multiprocessing
import os
import signal
import sys
from typing import Any

import django

from config.supervisor.child import die_with_parent

parent = multiprocessing.parent_process()
if parent is not None:  # this is one of several processes that uvicorn started and looks after
    die_with_parent(signal.SIGKILL)
    if os.getppid() != parent.pid:  # it died before the request was made
        sys.exit(1)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from django.core.handlers.asgi import ASGIHandler  # noqa: E402 - needs the settings

from config.handler import ThreadHandler  # noqa: E402

ANSWERS = "/v1/"  # chat answers take minutes: they wait on the event loop and hold no thread

_in_threads, _on_the_loop = ThreadHandler(), ASGIHandler()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve chat on the event loop, and everything else by one step into a thread."""
    waits = scope.get("path", "").startswith(ANSWERS)
    await (_on_the_loop if waits else _in_threads)(scope, receive, send)
