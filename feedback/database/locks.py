"""Every advisory lock of the database, and the ways to take one.

An advisory lock is a number on which processes wait for one another, without a row or a table
behind it. Whoever uses a number for something else waits for strangers: so each has its name here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum, unique

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.transaction import TransactionManagementError


@unique
class Lock(IntEnum):
    """What one process at a time does. Processes of two releases run together: keep the numbers."""

    PUBLICATION = 0x46435055  # take publication numbers, up to the commit that makes them visible
    IMPORT = 0x46434D49  # look up what a batch names, and add what is missing
    CONSENSUS = 0x46435143  # weigh all judgments anew
    PROMOTION = 0x46435056  # number checkpoints and choose which is live
    PREPARATION = 0x46435052  # apply migrations and write what a site needs to begin
    PROMPT_VECTORS = 5_011  # encode the prompts that lack a vector
    CALIBRATION_PROMPTS = 5_012  # ask new models what they have not answered


def transaction_lock(lock: Lock) -> None:
    """Wait for a lock and keep it until this transaction ends.

    Raises TransactionManagementError outside of a transaction, where it would be lost at once.
    """
    _lock_in_transaction("SELECT pg_advisory_xact_lock(%s)", lock)


def transaction_try_lock(lock: Lock) -> bool:
    """Take a lock until this transaction ends, or return False where another holds it.

    Raises TransactionManagementError outside of a transaction, where it would be lost at once.
    """
    return bool(_lock_in_transaction("SELECT pg_try_advisory_xact_lock(%s)", lock))


@contextmanager
def session_try_lock(lock: Lock) -> Iterator[bool]:
    """Hold a lock across transactions, while the block runs; False where another holds it.

    For work of minutes that commits as it goes. It ends with the connection at the latest, so a
    process that is killed leaves nothing locked.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        (is_taken,) = cursor.fetchone()
        try:
            yield is_taken
        finally:
            if is_taken:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])


@contextmanager
def session_lock(lock: Lock) -> Iterator[None]:
    """Wait for a lock and hold it across transactions, while the block runs.

    It is taken on a connection of its own: what the block does may close the usual one, as
    migrations do.
    """
    own = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with own.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [lock])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])
    finally:
        own.close()


def _lock_in_transaction(statement: str, lock: Lock) -> object:
    if not connection.in_atomic_block:
        raise TransactionManagementError(f"{lock.name} is to be locked in a transaction.")
    with connection.cursor() as cursor:
        cursor.execute(statement, [lock])
        (answer,) = cursor.fetchone()
    return answer
