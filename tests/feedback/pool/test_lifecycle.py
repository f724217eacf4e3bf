"""The life of a recorded judgment: its states, its numbers, and the one module that writes them."""

import ast
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from feedback.errors import ConflictError
from feedback.people.models import Contributor
from feedback.pool.lifecycle import (
    judgments_hide,
    judgments_publish,
    judgments_quarantine,
    judgments_reinstate,
    judgments_restore,
    judgments_show,
    judgments_supersede,
    judgments_withdraw,
    judgments_withhold,
)
from feedback.pool.models import Preference
from tests.conftest import ROOT
from tests.feedback.builders import judge, make_comparison, make_contributor

WRITER = ROOT / "feedback" / "pool" / "lifecycle.py"
COLUMNS = {"published_number", "removed_number", "first_number", "visibility"}
IN_SQL = re.compile(r"UPDATE\s+feedback_preference\b")
EVERYTHING = Preference.objects.all()


@pytest.fixture
def public(settings: Settings, alice: Contributor) -> Preference:
    """A judgment in the live export."""
    settings.PUBLICATION_DELAY_SECONDS = 0
    made = judge(make_comparison(), alice, strength=2.0, rationale="Clear.")
    judgments_publish()
    made.refresh_from_db()
    return made


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("operation", "state", "visibility"),
    [
        (judgments_supersede, "superseded", "public"),
        (judgments_withdraw, "withdrawn", "public"),
        (judgments_quarantine, "quarantined", "public"),
        (judgments_hide, "active", "private"),
        (judgments_withhold, "active", "public"),
    ],
)
def test_what_leaves_takes_one_number_once(
    public: Preference, operation: Callable[..., list[str]], state: str, visibility: str
) -> None:
    waiting = judge(make_comparison(), make_contributor())
    assert set(operation(Preference.objects.all())) >= {public.public_id}
    assert operation(Preference.objects.all()) == []
    before = public.published_number
    for one in (public, waiting):
        one.refresh_from_db()
    assert (public.state, public.visibility, public.published_number) == (state, visibility, before)
    assert before is not None
    assert public.removed_number is not None
    assert public.removed_number > before
    assert (waiting.published_number, waiting.removed_number) == (None, None)
    assert public.rationale == ("" if state == "withdrawn" else "Clear.")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("leave", "come_back"),
    [(judgments_quarantine, judgments_reinstate), (judgments_withhold, judgments_restore)],
)
def test_what_returns_waits_for_a_new_number_and_keeps_its_first(
    public: Preference,
    leave: Callable[..., list[str]],
    come_back: Callable[..., list[str]],
) -> None:
    first = public.published_number
    for _ in range(2):
        leave(EVERYTHING.all())
        assert come_back(EVERYTHING.all()) == [public.public_id]
        assert come_back(EVERYTHING.all()) == []
        public.refresh_from_db()
        assert (public.published_number, public.removed_number) == (None, None)
        assert public.first_number == first
        judgments_publish()
    public.refresh_from_db()
    assert first is not None
    assert public.published_number is not None
    assert public.published_number > first


@pytest.mark.django_db
def test_what_is_private_withheld_or_gone_does_not_return(public: Preference) -> None:
    judgments_hide(EVERYTHING.all())
    judgments_quarantine(EVERYTHING.all())
    judgments_reinstate(EVERYTHING.all())
    assert judgments_restore(EVERYTHING.all()) == []
    assert judgments_show(EVERYTHING.all()) == []  # one that has left comes back as a new judgment
    public.refresh_from_db()
    assert (public.state, public.visibility, public.removed_number is None) == (
        "active",
        "private",
        False,
    )


@pytest.mark.django_db
@pytest.mark.parametrize("judgments", [1, 12])
def test_an_operation_asks_the_database_as_often_for_many(
    alice: Contributor,
    settings: Settings,
    django_assert_num_queries: DjangoAssertNumQueries,
    judgments: int,
) -> None:
    settings.PUBLICATION_DELAY_SECONDS = 0
    for _ in range(judgments):
        judge(make_comparison(), alice)
    judgments_publish()
    with django_assert_num_queries(5):  # savepoint, lock, read, write, release
        assert len(judgments_withdraw(EVERYTHING.all())) == judgments
    numbers = set(EVERYTHING.values_list("removed_number", flat=True))
    assert len(numbers) == judgments


@pytest.mark.django_db(transaction=True)
def test_without_a_delay_a_judgment_is_public_once_it_is_committed(settings: Settings) -> None:
    later = judge(make_comparison(), make_contributor())
    later.refresh_from_db()
    assert later.published_number is None
    settings.PUBLICATION_DELAY_SECONDS = 0
    made = judge(make_comparison(), make_contributor())
    made.refresh_from_db()
    assert made.published_number is not None
    judgments_quarantine(EVERYTHING.all())
    judgments_reinstate(EVERYTHING.all())
    made.refresh_from_db()
    assert made.published_number is not None
    assert made.first_number is not None


@pytest.mark.django_db
def test_who_is_in_quarantine_is_told_that_nothing_can_be_added(alice: Contributor) -> None:
    before = judge(make_comparison(), alice)
    judgments_quarantine(EVERYTHING.all())
    with pytest.raises(ConflictError) as error:
        judge(before.comparison, alice, supersedes=before)
    assert error.value.code == "not_active"


# --- one writer ---------------------------------------------------------------------------------


def test_nothing_else_writes_state_visibility_or_numbers() -> None:
    modules = {path for path in (ROOT / "feedback").rglob("*.py") if "migrations" not in path.parts}
    found = {str(path.relative_to(ROOT)): list(writes_in(path)) for path in modules - {WRITER}}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_the_check_sees_the_one_that_does(tmp_path: Path) -> None:
    assert len(list(writes_in(WRITER))) >= 3
    module = tmp_path / "module.py"
    module.write_text(
        "rows.update(state=PreferenceState.WITHDRAWN)\n"
        "judgment.state = PreferenceState.ACTIVE\n"
        "judgment.removed_number = 7\n"
        "task.update(state=TaskState.OPEN)\n"
        "rows.filter(visibility='public')\n"
    )
    assert sorted(writes_in(module)) == [1, 2, 3]


def writes_in(path: Path) -> Iterator[int]:
    """Yield the lines of a module that change a judgment's state, visibility or numbers."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            changed = {word.arg: word.value for word in node.keywords}
            is_update = node.func.attr in ("update", "_update", "bulk_update")
            if is_update and (COLUMNS & changed.keys() or is_state(changed.get("state"))):
                yield node.lineno
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and (
                    target.attr in COLUMNS or (target.attr == "state" and is_state(node.value))
                ):
                    yield node.lineno
        elif isinstance(node, ast.Constant) and IN_SQL.search(str(node.value)):
            yield node.lineno


def is_state(value: ast.expr | None) -> bool:
    """Return whether an expression is a member of PreferenceState."""
    return (
        isinstance(value, ast.Attribute)
        and isinstance(value.value, ast.Name)
        and value.value.id == "PreferenceState"
    )


# --- locks --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_who_withdraws_and_who_publishes_wait_for_each_other_in_one_order(
    settings: Settings, alice: Contributor
) -> None:
    """A row first and the sequence second, against the other way round, would be a deadlock."""
    public, due = judge(make_comparison(), alice), judge(make_comparison(), alice)
    settings.PUBLICATION_DELAY_SECONDS = 0
    Preference.objects.filter(pk=public.pk).update(published_number=1)
    with ThreadPoolExecutor(1) as elsewhere, transaction.atomic():
        judgments_withdraw(Preference.objects.filter(pk=due.pk))
        publishing = elsewhere.submit(in_a_connection_of_its_own, judgments_publish)
        wait_until_somebody_waits()
        judgments_withdraw(Preference.objects.filter(pk=public.pk))
    assert set(EVERYTHING.values_list("state", flat=True)) == {"withdrawn"}
    assert publishing.result() == 0


def in_a_connection_of_its_own(function: Callable[[], int]) -> int:
    try:
        return function()
    finally:
        connection.close()


def wait_until_somebody_waits() -> None:
    """Return when another process waits for a lock."""
    for _ in range(600):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.05)
    raise AssertionError("nobody waits")
