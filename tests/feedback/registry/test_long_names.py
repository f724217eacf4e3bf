"""A model with the longest name there may be is worked with as any other."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client

from feedback.identifiers import NAME_LETTERS
from feedback.people.models import AuditEvent, Contributor
from feedback.ranking.influence import influence_refresh
from feedback.registry.models import ModelVersion, Provider, ProviderKind
from feedback.registry.services import (
    CallSettings,
    model_create,
    state_set,
    version_change,
    version_create,
    version_price,
)
from tests.feedback.builders import judge, make_comparison, make_contributor, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def call_settings(db: None) -> CallSettings:
    provider = Provider.objects.create(
        name="p", kind=ProviderKind.OPENAI, base_url="http://127.0.0.1:9/v1"
    )
    return CallSettings(provider=provider, remote_name="m")


def test_what_an_operator_does_to_it_is_written_down(
    call_settings: CallSettings, olivia: Contributor
) -> None:
    first = model_create(name="M" * 200, call_settings=call_settings, actor=olivia)
    second = version_create(model=first.model, call_settings=call_settings, actor=olivia)
    assert len(second.label) == len("M" * 200 + " v2")
    ModelVersion.objects.filter(pk=second.pk).update(label="L" * NAME_LETTERS)
    second.refresh_from_db()
    version_price(version=second, read=Decimal(1), written=None, actor=olivia)
    other = CallSettings(provider=call_settings.provider, remote_name="n")
    version_change(version=second, call_settings=other, actor=olivia)
    for state in ("paused", "active", "retired"):
        state_set(of=second, state=state, actor=olivia)
    noted = AuditEvent.objects.filter(actor=olivia, subject="L" * NAME_LETTERS)
    assert set(noted.values_list("action", flat=True)) == {
        *("version.price", "version.change"),
        *(f"version.{state}" for state in ("paused", "active", "retired")),
    }


def test_its_page_says_when_it_was_retired(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    version = make_version("Long")
    ModelVersion.objects.filter(pk=version.pk).update(label="L" * NAME_LETTERS)
    version.refresh_from_db()
    state_set(of=version, state="retired", actor=olivia)
    assert client_of(olivia).get(f"/models/{version.model.slug}/").status_code == 200


def test_it_may_lead_the_board() -> None:
    long = [make_version(f"{letter} leads") for letter in "AB"]
    for version in long:
        ModelVersion.objects.filter(pk=version.pk).update(label=version.label[0] * NAME_LETTERS)
    for game in range(10):
        comparison = make_comparison(version_a=long[0], version_b=long[1])
        judge(comparison, make_contributor(), "a" if game < 7 else "b")
    found = influence_refresh()
    assert found is not None
    assert (found.leader, found.challenger) == ("A" * NAME_LETTERS, "B" * NAME_LETTERS)


def test_every_column_that_notes_a_name_has_room_for_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, character_maximum_length"
            "  FROM information_schema.columns"
            " WHERE (table_name, column_name) IN (('feedback_modelversion', 'label'),"
            " ('feedback_auditevent', 'subject'), ('feedback_influence', 'leader'),"
            " ('feedback_influence', 'challenger'))"
        )
        assert {room for *_, room in cursor.fetchall()} == {NAME_LETTERS}
