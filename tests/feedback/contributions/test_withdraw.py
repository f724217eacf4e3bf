"""Taking a judgment back: at once, for good, and only one's own."""

import pytest
from django.test import Client
from pytest_django import Settings

from feedback.people.models import AuditEvent, Contributor
from feedback.people.services import apikey_create
from feedback.pool.lifecycle import judgments_publish
from feedback.pool.models import Preference
from feedback.publication.models import Release
from tests.feedback.builders import judge, make_comparison, make_contributor

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous"),
]


@pytest.fixture
def owner() -> Contributor:
    return make_contributor("Alice")


@pytest.fixture
def preference(owner: Contributor, settings: Settings) -> Preference:
    settings.PUBLICATION_DELAY_SECONDS = 0
    made = judge(make_comparison(), owner, rationale="Private words.")
    judgments_publish()
    return made


def withdraw(client: Client, preference: Preference, **headers: str) -> int:
    """The status of the call."""
    response = client.post(
        f"/api/v1/preferences/{preference.public_id}/withdraw/", headers=headers or None
    )
    return response.status_code


def key_of(contributor: Contributor, scope: str) -> dict[str, str]:
    """The header of a new key."""
    key = apikey_create(contributor=contributor, name="test", scopes=[scope])
    return {"Authorization": f"Bearer {key}"}


def test_the_owner_takes_it_back_at_once_and_its_words_are_gone(
    client: Client, owner: Contributor, preference: Preference
) -> None:
    assert b"".join(client.get("/api/v1/preferences/export/"))
    Release.objects.create(
        version="2026.11", digest="d", last_number=10**9, files=[], counts={}, licences=[]
    )
    response = client.post(
        f"/api/v1/preferences/{preference.public_id}/withdraw/",
        headers=key_of(owner, "preferences:write"),
    )
    assert response.json() == {"releases": ["2026.11"], "checkpoints": []}
    assert b"".join(client.get("/api/v1/preferences/export/")) == b""
    preference.refresh_from_db()
    assert (preference.state, preference.rationale) == ("withdrawn", "")
    assert AuditEvent.objects.get().actor == owner


def test_taking_it_back_twice_changes_nothing(
    client: Client, owner: Contributor, preference: Preference
) -> None:
    headers = key_of(owner, "preferences:write")
    assert withdraw(client, preference, **headers) == 200
    number = Preference.objects.get().removed_number
    assert withdraw(client, preference, **headers) == 200
    assert Preference.objects.get().removed_number == number


def test_a_member_cannot_take_back_what_is_not_theirs(
    client: Client, preference: Preference
) -> None:
    headers = key_of(make_contributor("Bob"), "preferences:write")
    assert withdraw(client, preference, **headers) == 404
    assert Preference.objects.get().state == "active"


def test_a_key_without_the_scope_is_refused(
    client: Client, owner: Contributor, preference: Preference
) -> None:
    assert withdraw(client, preference, **key_of(owner, "pool:read")) == 403


def test_a_stranger_is_asked_for_a_key(client: Client, preference: Preference) -> None:
    assert withdraw(client, preference) == 401
    assert withdraw(client, preference, Authorization="Bearer wrong") == 401


def test_the_page_asks_once_and_then_withdraws(
    client: Client, owner: Contributor, preference: Preference
) -> None:
    client.force_login(owner)
    assert preference.public_id in client.get("/contributions/").content.decode()
    path = f"/contributions/{preference.public_id}/withdraw/"
    assert "It leaves the live data now" in client.get(path).content.decode()
    assert Preference.objects.get().state == "active"
    page = client.post(path, follow=True).content.decode()
    assert "Withdrawn. It is out of the live data." in page
    assert Preference.objects.get().state == "withdrawn"


def test_the_page_of_another_is_not_found(client: Client, preference: Preference) -> None:
    client.force_login(make_contributor("Bob"))
    answer = client.post(f"/contributions/{preference.public_id}/withdraw/")
    assert answer.status_code == 404
    assert Preference.objects.get().state == "active"
