"""Advisory locks: one list of them, and what they promise."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError

from feedback.database.locks import (
    Lock,
    session_try_lock,
    transaction_lock,
    transaction_try_lock,
)
from tests.conftest import ROOT


@pytest.fixture
def other(db: None) -> Iterator[BaseDatabaseWrapper]:
    """Another session of the same database."""
    session = connection.copy()
    yield session
    with session.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")  # the pool keeps the connection
    session.close()


def can_take(session: BaseDatabaseWrapper, lock: Lock) -> bool:
    """Whether a session gets a lock; it gives it back at once."""
    with session.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock])
        (taken,) = cursor.fetchone()
    return bool(taken)


def test_no_other_module_takes_an_advisory_lock() -> None:
    """A number of its own might be another's."""
    modules = [*ROOT.glob("feedback/**/*.py"), *ROOT.glob("platform/**/*.py")]
    modules += ROOT.glob("feedback/**/*.sql")
    users = {str(path.relative_to(ROOT)) for path in modules if "advisory_" in path.read_text()}
    assert users == {"feedback/database/locks.py"}


def test_a_session_holds_a_lock_while_the_block_runs(other: BaseDatabaseWrapper) -> None:
    with session_try_lock(Lock.PROMPT_VECTORS) as is_alone:
        assert is_alone
        assert not can_take(other, Lock.PROMPT_VECTORS)
        assert can_take(other, Lock.CALIBRATION_PROMPTS)
    assert can_take(other, Lock.PROMPT_VECTORS)


def test_who_finds_a_lock_taken_is_told_so_and_does_not_release_it(
    other: BaseDatabaseWrapper,
) -> None:
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [Lock.CONSENSUS])
    assert not transaction_try_lock(Lock.CONSENSUS)
    with session_try_lock(Lock.CONSENSUS) as is_alone:
        assert not is_alone
    assert not transaction_try_lock(Lock.CONSENSUS)


def test_a_transaction_keeps_its_locks(other: BaseDatabaseWrapper) -> None:
    transaction_lock(Lock.PUBLICATION)
    assert transaction_try_lock(Lock.CONSENSUS)
    assert not can_take(other, Lock.PUBLICATION)
    assert not can_take(other, Lock.CONSENSUS)


def test_outside_of_a_transaction_a_lock_would_be_lost() -> None:
    with pytest.raises(TransactionManagementError, match="PUBLICATION"):
        transaction_lock(Lock.PUBLICATION)
