"""Whether the database answers, asked past the pool, which waits longer each time it does not."""

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

DATABASE_GONE = (OperationalError, InterfaceError, psycopg.OperationalError)
PATIENCE_SECONDS = 2  # the least that libpq takes; a closed port answers at once


def database_probe() -> None:
    """Raise psycopg.OperationalError at once where the database is away."""
    psycopg.connect(settings.DATABASE_URL, connect_timeout=PATIENCE_SECONDS).close()


def connection_forget() -> None:
    """Begin afresh, with no pool that still waits for the database as it was."""
    connection.close()
    close_pool = getattr(connection, "close_pool", None)
    if close_pool is not None:
        close_pool()
