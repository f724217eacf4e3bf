"""Terms, settings, the operator's link, signing out, and pages for what goes wrong."""

import pytest
from django.test import Client

from feedback.people.invitations.services import invitation_create
from feedback.people.models import ConsentRecord, Contributor, Role, TrustTier
from tests.markup import tight


def test_one_click_makes_an_anonymous_contributor_and_goes_on(stranger):
    page = stranger.get("/terms/?next=/annotate/")
    assert "Agree and start" in page.content.decode()
    answer = stranger.post("/terms/", {"next": "/annotate/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/annotate/")
    contributor = Contributor.objects.get()
    assert (contributor.name, contributor.trust_tier) == (None, TrustTier.ANONYMOUS)
    assert ConsentRecord.objects.get().contributor == contributor
    assert "You agreed to this on" in stranger.get("/terms/").content.decode()


def test_agreeing_twice_is_one_person_and_one_consent(stranger):
    stranger.post("/terms/")
    stranger.post("/terms/")
    assert (Contributor.objects.count(), ConsentRecord.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil", "x"]
)
def test_the_way_back_stays_on_this_site(stranger, target):
    assert stranger.post("/terms/", {"next": target}).headers["Location"] == "/"


def test_a_page_for_contributors_shows_the_terms_first(stranger, db):
    answer = stranger.get("/annotate/")
    assert answer.headers["Location"] == "/terms/?next=%2Fannotate%2F"


def test_the_operators_link_works_once_and_looking_does_not_spend_it(stranger, db):
    link = invitation_create(role=Role.OPERATOR)
    for _ in range(2):
        assert "Become the operator" in stranger.get(link).content.decode()
    answer = stranger.post(link)
    assert answer.status_code == 302
    assert Contributor.objects.get().is_operator
    second = Client()
    assert second.get(link).status_code == 404
    assert second.post(link).status_code == 404
    assert Contributor.objects.count() == 1


def test_the_link_makes_an_operator_of_who_is_there_already(alice, client_of):
    client_of(alice).post(invitation_create(role=Role.OPERATOR))
    alice.refresh_from_db()
    assert alice.is_operator
    assert Contributor.objects.count() == 1


@pytest.mark.parametrize("token", ["x", "%00", "ä" * 300])
def test_a_made_up_operators_link_is_404(stranger, db, token):
    assert stranger.get(f"/people/invitation/{token}/").status_code == 404
    assert stranger.post(f"/people/invitation/{token}/").status_code == 404
    assert not Contributor.objects.exists()


def test_settings_are_kept_by_the_browser_and_shown_by_every_page(stranger, db):
    stranger.post("/settings/", {"theme": "dark", "keys": "off"})
    page = tight(stranger.get("/terms/").content.decode())
    assert '<html lang="en" data-theme="dark" data-keys="off">' in page
    stranger.post("/settings/", {"theme": "system"})
    assert '<html lang="en" data-keys="off">' in tight(stranger.get("/terms/").content.decode())


def test_a_setting_that_does_not_exist_changes_nothing(stranger, db):
    stranger.post("/settings/", {"theme": '"><script>', "colour": "red"})
    stranger.cookies["theme"] = "pink"
    assert '<html lang="en">' in tight(stranger.get("/settings/").content.decode())


def test_signing_out_is_a_post_and_says_what_it_means(stranger, db):
    stranger.post("/terms/")
    assert "cannot change or withdraw" in stranger.get("/people/sign-out/").content.decode()
    assert "_auth_user_id" in stranger.session
    stranger.post("/people/sign-out/")
    assert "_auth_user_id" not in stranger.session


def test_operate_is_linked_for_operators_only(alice, olivia, client_of):
    assert ">Operate</a>" not in client_of(alice).get("/settings/").content.decode()
    assert ">Operate</a>" in client_of(olivia).get("/settings/").content.decode()


def test_each_page_has_one_heading_a_skip_link_and_no_inline_script(stranger, db):
    for path in ("/terms/", "/settings/", "/people/sign-out/", "/nowhere/"):
        page = stranger.get(path).content.decode()
        assert page.count("<h1") == 1
        assert 'class="skip" href="#main"' in page
        assert "<style" not in page
        assert " style=" not in page
        assert "onclick" not in page
        assert "script-src 'self'" in stranger.get(path).headers["Content-Security-Policy"]


def test_a_missing_page_says_so_in_plain_words(stranger, db):
    answer = stranger.get("/nowhere/")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()


def test_a_form_without_its_token_is_refused_in_plain_words(db):
    careful = Client(enforce_csrf_checks=True)
    answer = careful.post("/terms/")
    assert answer.status_code == 403
    assert "nothing was changed" in answer.content.decode()
