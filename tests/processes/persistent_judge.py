"""A person who judges without end, as a process of its own: `python -m … [prepare N]`.

Each judgment goes through the one write path. Its key is printed only after the pool has
acknowledged it; while the database is away the same judgment is sent again.
"""

import sys
import time
import uuid

import django

django.setup()

from django.db import InterfaceError, OperationalError, connection, transaction  # noqa: E402

from feedback.people.models import Contributor, Rater  # noqa: E402
from feedback.pool.judgment import Judgment  # noqa: E402
from feedback.pool.services import Provenance, preference_record  # noqa: E402
from tests.feedback.builders import make_comparison, make_contributor, make_version  # noqa: E402


def prepare(count: int) -> None:
    """Two models and a pool of judgments to train on."""
    person = make_contributor("judge")
    versions = make_version("First"), make_version("Second")
    for _ in range(count):
        record(person, versions, uuid.uuid4().hex)


def record(person: Contributor, versions: tuple, key: str) -> None:
    """One new comparison and its judgment, in one transaction."""
    with transaction.atomic():
        comparison = make_comparison(None, *versions)
        preference_record(
            comparison=comparison,
            rater_id=Rater.objects.get(contributor=person).pk,
            judgment=Judgment(choice="a" if int(key, 16) % 3 else "b"),
            idempotency_key=key,
            provenance=Provenance(source="test", consent_id=person.consents.get().pk),
        )


def judge_for_ever() -> None:
    """Judge, acknowledge, rest a moment."""
    from feedback.registry.models import ModelVersion

    person = Contributor.objects.get(name="judge")
    versions = tuple(ModelVersion.objects.order_by("label"))
    while True:
        key = uuid.uuid4().hex
        while not recorded(person, versions, key):
            connection.close()
            time.sleep(0.2)
        print(key, flush=True)
        time.sleep(0.05)


def recorded(person: Contributor, versions: tuple, key: str) -> bool:
    """Whether the pool has acknowledged the judgment."""
    try:
        record(person, versions, key)
    except (OperationalError, InterfaceError):
        return False
    return True


if __name__ == "__main__":
    if sys.argv[1:2] == ["prepare"]:
        prepare(int(sys.argv[2]))
    else:
        judge_for_ever()
