"""Connections of the pool, whose check asks the socket before it asks the server."""

import select
from typing import Any

import psycopg


class PooledConnection(psycopg.Connection[Any]):
    """The pool sends an empty statement over each connection before it hands it out.

    That is a round trip for each request. A server that ended a session has closed its socket,
    which the operating system knows; only where the socket has something to say is the server
    asked.
    """

    def execute(self, query: Any, *arguments: Any, **options: Any) -> psycopg.Cursor[Any]:
        """Run a statement; the empty one only where the socket is not silent."""
        if query == "" and not self.closed and _is_silent(self.fileno()):
            return self.cursor()
        return super().execute(query, *arguments, **options)


def _is_silent(socket: int) -> bool:
    watch = select.poll()
    watch.register(socket, select.POLLIN)
    return not watch.poll(0)
