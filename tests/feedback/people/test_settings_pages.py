"""Settings: the language, one's keys, and the second factor of operators."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils import translation

from feedback.people.api_keys import KEYS_LIMIT
from feedback.people.models import ApiKey, Contributor
from feedback.people.selectors import apikey_find
from feedback.people.services import contributor_create

pytestmark = pytest.mark.django_db


@pytest.fixture
def two_languages(settings):
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    yield
    translation.activate("en")


def test_a_language_is_kept_by_the_browser_and_by_the_contributor(two_languages, alice, client_of):
    browser = client_of(alice)
    assert "Deutsch" in browser.get("/settings/").content.decode()
    browser.post("/settings/", {"language": "de"})
    assert '<html lang="de"' in browser.get("/terms/").content.decode()
    alice.refresh_from_db()
    assert alice.locale == "de"
    browser.post("/settings/", {"language": "tlh"})
    alice.refresh_from_db()
    assert alice.locale == "de"


def test_a_stranger_may_choose_a_language_too(two_languages, stranger):
    stranger.post("/settings/", {"language": "de"})
    assert '<html lang="de"' in stranger.get("/terms/").content.decode()
    assert not Contributor.objects.exists()


def key_in(page: str) -> str | None:
    found = re.search(r"(fc_[\w-]+)</pre>", page)
    return found.group(1) if found else None


def test_a_key_of_ones_own_is_shown_once_and_can_be_revoked(alice, client_of):
    browser = client_of(alice)
    page = browser.post("/settings/keys/", {"name": "Notebook", "scope": ["tasks:work"]})
    key = key_in(page.content.decode())
    assert key
    found = apikey_find(key)
    assert found is not None
    assert (found.contributor, found.scopes, found.name) == (alice, ["tasks:work"], "Notebook")
    later = browser.get("/settings/keys/").content.decode()
    assert "Notebook" in later
    assert key not in later
    browser.post(f"/settings/keys/{found.id}/revoke/")
    assert apikey_find(key) is None


def test_a_key_has_no_scope_that_its_maker_lacks(alice, olivia, client_of):
    form = {"name": "Runs", "scope": ["runs:write"]}
    assert client_of(alice).post("/settings/keys/", form).status_code == 400
    assert "runs:write" not in client_of(alice).get("/settings/keys/").content.decode()
    assert client_of(olivia).post("/settings/keys/", form).status_code == 200
    assert ApiKey.objects.get().contributor == olivia


@pytest.mark.parametrize("form", [{"name": "", "scope": ["pool:read"]}, {"name": "x"}])
def test_a_key_needs_a_name_and_a_scope(alice, client_of, form):
    assert client_of(alice).post("/settings/keys/", form).status_code == 400
    assert not ApiKey.objects.exists()


def test_there_are_only_so_many_keys(alice, client_of):
    form = {"name": "x", "scope": ["pool:read"]}
    answers = [client_of(alice).post("/settings/keys/", form) for _ in range(KEYS_LIMIT + 1)]
    assert [answer.status_code for answer in answers] == [200] * KEYS_LIMIT + [400]


def test_who_is_known_by_a_cookie_alone_has_no_keys(stranger):
    stranger.post("/terms/")
    answer = stranger.post("/settings/keys/", {"name": "x", "scope": ["pool:read"]})
    assert answer.status_code == 403
    assert "Make an account first" in answer.content.decode()


def test_a_key_of_another_cannot_be_revoked(alice, bob, client_of, stranger):
    client_of(alice).post("/settings/keys/", {"name": "x", "scope": ["pool:read"]})
    path = f"/settings/keys/{ApiKey.objects.get().id}/revoke/"
    assert client_of(bob).post(path).status_code == 404
    assert stranger.post(path).headers["Location"].startswith("/terms/")
    assert ApiKey.objects.get().revoked_at is None


def test_an_operator_without_a_second_factor_is_told(olivia, alice, client_of):
    words = "without a second factor"
    for path in ("/operate/", "/settings/"):
        assert words in client_of(olivia).get(path).content.decode()
    assert words not in client_of(alice).get("/settings/").content.decode()
    Authenticator.objects.create(user=olivia, type=Authenticator.Type.TOTP, data={"secret": "x"})
    for path in ("/operate/", "/settings/"):
        assert words not in client_of(olivia).get(path).content.decode()


def test_a_site_may_ask_operators_for_a_second_factor(settings, olivia, client_of):
    settings.OPERATORS_NEED_SECOND_FACTOR = True
    browser = client_of(olivia)
    assert browser.get("/operate/").headers["Location"] == "/settings/"
    assert browser.post("/api/v1/training-runs/", {"kind": "ranking"}).status_code == 403
    Authenticator.objects.create(user=olivia, type=Authenticator.Type.WEBAUTHN, data={})
    assert browser.get("/operate/").status_code == 200


def test_recovery_codes_alone_are_no_second_factor(olivia, client_of):
    kind = Authenticator.Type.RECOVERY_CODES
    Authenticator.objects.create(user=olivia, type=kind, data={"seed": "x", "used_mask": 0})
    assert "without a second factor" in client_of(olivia).get("/operate/").content.decode()


def test_anonymous_contributors_are_told_that_a_cookie_is_all(stranger: Client):
    contributor_create()
    stranger.post("/terms/")
    assert "Only a cookie identifies this browser" in stranger.get("/settings/").content.decode()
