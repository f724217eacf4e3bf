"""My contributions: each judgment changed, hidden, shown, downloaded or taken along."""

import json

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from pytest_django import Settings

from feedback.people.models import ApiKey, AuditEvent, Contributor, Rater
from feedback.people.selectors import current_consent
from feedback.people.services import apikey_create
from feedback.pool.judgment import Judgment
from feedback.pool.lifecycle import judgments_publish
from feedback.pool.models import Preference
from feedback.pool.publication_sequence import last_number
from feedback.pool.services import Provenance, preference_record
from feedback.publication.models import Release
from tests.feedback.builders import make_comparison, make_contributor
from tests.markup import tight

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous"),
]


def judged(owner: Contributor, source: str = "annotate", **words: object) -> Preference:
    """A judgment as the Annotate page gives it, with answer b shown first."""
    preference, _ = preference_record(
        comparison=make_comparison(),
        rater_id=Rater.objects.get(contributor=owner).pk,
        judgment=Judgment(choice="a", order_shown="ba", **words),  # type: ignore[arg-type]
        idempotency_key=f"{source}-{Preference.objects.count()}",
        provenance=Provenance(source=source, consent_id=current_consent(owner).pk),
    )
    return preference


@pytest.fixture
def owner(settings: Settings) -> Contributor:
    settings.PUBLICATION_DELAY_SECONDS = 0
    return make_contributor("Alice")


@pytest.fixture
def browser(owner: Contributor, client_of) -> Client:
    return client_of(owner)


def path(preference: Preference, what: str) -> str:
    return f"/contributions/{preference.public_id}/{what}/"


def exported(since: int | None = None) -> list[dict]:
    query = "" if since is None else f"?since={since}"
    lines = b"".join(Client().get(f"/api/v1/preferences/export/{query}")).splitlines()
    return [json.loads(line) for line in lines]


def test_another_choice_supersedes_the_old_one_where_it_was_shown(owner, browser):
    old = judged(owner, strength=2.0, rationale="It is right.")
    page = browser.get(path(old, "change")).content.decode()
    assert 'value="2" aria-pressed="true"' in page
    browser.post(path(old, "change"), {"choice": "1"})
    old.refresh_from_db()
    new = Preference.objects.get(supersedes=old)
    assert (old.state, new.state, new.choice) == ("superseded", "active", "b")
    assert (new.rater, new.order_shown, new.source) == (old.rater, "ba", "annotate")
    assert (new.strength, new.rationale) == (None, "")


def test_the_same_choice_again_changes_nothing(owner, browser):
    old = judged(owner)
    browser.post(path(old, "change"), {"choice": "2"})
    assert Preference.objects.get().state == "active"


@pytest.mark.parametrize("source", ["api", "arena"])
def test_who_has_seen_the_names_cannot_change_and_is_told_why(owner, browser, source):
    old = judged(owner, source)
    assert "seen which models" in browser.get(path(old, "change")).content.decode()
    answer = browser.post(path(old, "change"), {"choice": "1"})
    assert answer.status_code == 409
    assert Preference.objects.get().choice == "a"


def test_a_published_judgment_made_private_leaves_the_live_export_as_a_removal(owner, browser):
    kept, hidden = judged(owner), judged(owner)
    judgments_publish()
    before = last_number()
    browser.post(path(hidden, "visibility"), {"visibility": "private"})
    assert [row["id"] for row in exported()] == [kept.public_id]
    assert exported(before) == [{"id": hidden.public_id, "withdrawn": True}]
    hidden.refresh_from_db()
    assert (hidden.state, hidden.visibility) == ("active", "private")
    assert AuditEvent.objects.get(action="preference.hide").actor == owner


def test_made_public_again_it_comes_back_as_a_new_row(owner, browser):
    old = judged(owner, strength=2.0, rationale="Words.")
    judgments_publish()
    for wanted in ("private", "public", "public"):
        current = Preference.objects.get(state="active")
        browser.post(path(current, "visibility"), {"visibility": wanted})
    judgments_publish()
    new = Preference.objects.get(supersedes=old)
    assert [row["id"] for row in exported()] == [new.public_id]
    assert (new.choice, new.strength, new.rationale) == ("a", 2.0, "Words.")


def test_one_that_was_never_published_is_made_private_and_public_in_place(owner, browser, settings):
    settings.PUBLICATION_DELAY_SECONDS = 3600
    one = judged(owner)
    for wanted in ("private", "public"):
        browser.post(path(one, "visibility"), {"visibility": wanted})
        one.refresh_from_db()
        assert (one.visibility, one.removed_number) == (wanted, None)
    assert Preference.objects.count() == 1


def test_a_private_judgment_is_not_published(owner, browser):
    one = judged(owner)
    browser.post(path(one, "visibility"), {"visibility": "private"})
    judgments_publish()
    assert exported() == []


def test_the_page_says_what_a_judgment_went_into(owner, browser):
    held, later = judged(owner), None
    judgments_publish()
    Release.objects.create(
        version="2026.11", digest="d", last_number=last_number(), files=[], counts={}, licences=[]
    )
    later = judged(owner)
    page = tight(browser.get("/contributions/").content.decode())
    assert "1 are in release 2026.11." in page
    assert page.count("release 2026.11</p>") == 1
    assert "release 2026.11" in browser.get(path(held, "withdraw")).content.decode()
    assert "release 2026.11" not in browser.get(path(later, "withdraw")).content.decode()


def test_pages_go_on_by_key(owner, browser):
    for _ in range(52):
        judged(owner)
    first = browser.get("/contributions/").content.decode()
    assert first.count("/withdraw/") == 50
    link = first.split('href="?before=')[1].split('"')[0]
    assert browser.get(f"/contributions/?before={link}").content.decode().count("/withdraw/") == 2


def test_the_download_holds_what_is_kept_of_a_person_and_of_nobody_else(owner, browser):
    mine, theirs = judged(owner, rationale="Mine."), judged(make_contributor("Bob"))
    answer = browser.get("/contributions/data.json")
    assert "attachment" in answer.headers["Content-Disposition"]
    data = answer.json()
    assert data["account"]["name"] == "Alice"
    assert [row["public_id"] for row in data["judgments"]] == [mine.public_id]
    assert data["judgments"][0]["rationale"] == "Mine."
    assert data["consents"][0]["licence"] == "CC-BY-4.0"
    assert theirs.public_id not in answer.content.decode()


@pytest.mark.parametrize("choice", ["keep", "withdraw"])
def test_deleting_the_account_erases_the_person_and_does_as_they_say(
    owner, browser, client_of, choice
):
    one = judged(owner, rationale="Mine.")
    judgments_publish()
    EmailAddress.objects.create(user=owner, email="alice@example.org", verified=True, primary=True)
    apikey_create(contributor=owner, name="mine", scopes=["pool:read"])
    elsewhere = client_of(owner)
    assert "cannot be undone" in browser.get("/contributions/leave/").content.decode()
    assert browser.post("/contributions/leave/").status_code == 400
    answer = browser.post("/contributions/leave/", {"judgments": choice}, follow=True)
    assert "Your account is deleted." in answer.content.decode()
    owner.refresh_from_db()
    one.refresh_from_db()
    assert (owner.name, owner.is_active, owner.locale) == (None, False, "")
    assert not EmailAddress.objects.exists()
    assert not ApiKey.objects.exists()
    assert one.state == ("withdrawn" if choice == "withdraw" else "active")
    assert len(exported()) == (0 if choice == "withdraw" else 1)
    assert elsewhere.get("/contributions/").status_code == 302
    assert AuditEvent.objects.filter(action="account.delete", actor=owner).count() == 1


@pytest.mark.parametrize(
    ("what", "form"),
    [("change", {"choice": "1"}), ("visibility", {"visibility": "private"}), ("withdraw", {})],
)
def test_only_the_owner_may(owner, stranger, client_of, what, form):
    one = judged(owner)
    member = client_of(make_contributor("Bob"))
    assert member.post(path(one, what), form).status_code == 404
    assert "/terms/" in stranger.post(path(one, what), form).headers["Location"]
    one.refresh_from_db()
    assert (one.state, one.visibility, one.choice) == ("active", "public", "a")


def test_a_stranger_sees_the_terms_instead_of_the_pages(stranger, db):
    for page in ("", "data.json", "leave/"):
        answer = stranger.get(f"/contributions/{page}")
        assert answer.headers["Location"].startswith("/terms/?next=%2Fcontributions")
