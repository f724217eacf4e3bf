"""Signing up claims what the browser has given; signing in elsewhere adopts it; nothing leaks."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client

from feedback.people.models import AuditEvent, Contributor, Rater, TrustTier
from tests.feedback.builders import judge, make_comparison, make_contributor

pytestmark = pytest.mark.django_db
PASSWORD = "violet-harbour-17"


def code() -> str:
    """The code in the newest message."""
    found = re.search(r"^\s*([A-Z0-9]{3,6}(-[A-Z0-9]{3,6})+|\d{6})\s*$", mail.outbox[-1].body, re.M)
    assert found, mail.outbox[-1].body
    assert "Hello" not in mail.outbox[-1].body
    assert "testserver" not in mail.outbox[-1].body
    return found.group(1)


def agreed_browser() -> tuple[Client, Contributor]:
    browser = Client()
    browser.post("/terms/")
    return browser, Contributor.objects.get(pk=browser.session["_auth_user_id"])


def sign_up(browser: Client, address: str = "ada@example.org", password: str = PASSWORD) -> None:
    answer = browser.post("/account/signup/", {"email": address, "password1": password})
    assert answer.status_code == 302, answer.content.decode()
    answer = browser.post("/account/confirm-email/", {"code": code()})
    assert answer.status_code == 302, answer.content.decode()


def signed_in(browser: Client) -> Contributor:
    return Contributor.objects.get(pk=browser.session["_auth_user_id"])


def test_signing_up_claims_the_contributor_of_this_browser():
    browser, visitor = agreed_browser()
    given = judge(make_comparison(), visitor)
    sign_up(browser)
    account = signed_in(browser)
    assert account == visitor
    assert account.trust_tier == TrustTier.REGISTERED
    assert Contributor.objects.count() == 1
    given.refresh_from_db()
    assert given.rater == Rater.objects.get(contributor=account)
    assert given.public_id in browser.get("/contributions/").content.decode()
    assert AuditEvent.objects.get(action="tier.set").detail["reason"] == "account"


def test_until_the_code_is_entered_the_visitor_stays_who_they_were():
    browser, visitor = agreed_browser()
    browser.post("/account/signup/", {"email": "ada@example.org", "password1": PASSWORD})
    assert signed_in(browser) == visitor
    assert browser.get("/contributions/").status_code == 200
    visitor.refresh_from_db()
    assert visitor.trust_tier == TrustTier.ANONYMOUS
    browser.post("/account/logout/")  # "Cancel" on the page that asks for the code
    assert signed_in(browser) == visitor
    sign_up(browser, "other@example.org")
    assert signed_in(browser) == visitor
    assert EmailAddress.objects.get().email == "other@example.org"


def test_a_wrong_code_signs_nobody_up():
    browser, _visitor = agreed_browser()
    browser.post("/account/signup/", {"email": "ada@example.org", "password1": PASSWORD})
    answer = browser.post("/account/confirm-email/", {"code": "WRONG-CODE"})
    assert answer.status_code == 200
    assert not EmailAddress.objects.get().verified


def test_a_stranger_who_signs_up_agrees_by_that_and_may_judge(stranger):
    sign_up(stranger)
    assert stranger.get("/contributions/").status_code == 200
    assert Rater.objects.filter(contributor=signed_in(stranger)).exists()


def test_signing_in_by_a_code_needs_no_password(stranger):
    sign_up(stranger, password="")
    other = Client()
    other.post("/account/login/code/", {"email": "ada@example.org"})
    answer = other.post("/account/login/code/confirm/", {"code": code()})
    assert answer.status_code == 302
    assert signed_in(other) == signed_in(stranger)


def test_the_way_back_is_kept_through_signing_in(stranger):
    sign_up(stranger)
    expired = Client()
    page = expired.get("/contributions/", follow=True).content.decode()
    link = re.search(r'href="(/account/login/\?next=[^"]+)"', page)
    assert link
    assert 'name="next" value="/contributions/"' in expired.get(link.group(1)).content.decode()
    answer = expired.post(
        link.group(1), {"login": "ada@example.org", "password": PASSWORD, "next": "/contributions/"}
    )
    assert answer.headers["Location"] == "/contributions/"


def test_an_account_adopts_what_the_browser_gave_before(stranger):
    sign_up(stranger)
    account = signed_in(stranger)
    browser, visitor = agreed_browser()
    given = judge(make_comparison(), visitor)
    answer = browser.post(
        "/account/login/", {"login": "ada@example.org", "password": PASSWORD}, follow=True
    )
    assert (
        "Your earlier judgments in this browser are now part of your account."
        in answer.content.decode()
    )
    assert signed_in(browser) == account
    visitor.refresh_from_db()
    assert (visitor.adopted_by, visitor.is_active) == (account, False)
    assert given.public_id in browser.get("/contributions/").content.decode()
    answer = browser.post(f"/contributions/{given.public_id}/withdraw/")
    given.refresh_from_db()
    assert given.state == "withdrawn"
    assert given.rater.contributor == visitor


def test_an_adopted_visitor_cannot_be_used_by_another_session(stranger):
    sign_up(stranger)
    browser, visitor = agreed_browser()
    second = Client()
    second.force_login(visitor)
    browser.post("/account/login/", {"login": "ada@example.org", "password": PASSWORD})
    assert second.get("/contributions/").status_code == 302


def test_whether_an_address_has_an_account_is_told_to_its_owner_alone(stranger):
    sign_up(stranger)
    for path in ("/account/signup/", "/account/login/code/", "/account/password/reset/"):
        answers = []
        for address in ("ada@example.org", "nobody@example.org"):
            before = len(mail.outbox)
            cache.clear()
            browser = Client(REMOTE_ADDR=f"192.0.2.{len(address)}")
            answer = browser.post(path, {"email": address, "password1": PASSWORD})
            page = browser.get(answer.headers["Location"]).content.decode()
            answers.append((answer.status_code, answer.headers["Location"]))
            assert address in page or "code" in page
            assert len(mail.outbox) == before + 1
            assert mail.outbox[-1].to == [address]
        assert answers[0] == answers[1], path


def test_too_many_wrong_passwords_are_refused_over_all_processes(stranger):
    sign_up(stranger)
    for _ in range(6):
        answer = Client().post(
            "/account/login/", {"login": "ada@example.org", "password": "x" * 12}
        )
    assert "Too many failed" in answer.content.decode()
    right = Client().post("/account/login/", {"login": "ada@example.org", "password": PASSWORD})
    assert right.status_code == 200


def test_a_site_by_invitation_takes_nobody_else(settings, stranger):
    settings.SIGN_UP = "invited"
    assert "by invitation" in stranger.get("/account/signup/").content.decode()
    stranger.post("/account/signup/", {"email": "ada@example.org", "password1": PASSWORD})
    refused = stranger.post("/terms/")
    assert refused.status_code == 403
    assert "by invitation" in refused.content.decode()
    assert not Contributor.objects.exists()


def test_the_account_pages_have_no_inline_script_and_one_heading(stranger):
    paths = ("login/", "signup/", "signup/passkey/", "login/code/", "password/reset/")
    for path in paths:
        answer = stranger.get(f"/account/{path}")
        page = answer.content.decode()
        assert page.count("<h1") == 1, path
        assert " style=" not in page
        assert not re.search(r"<script(?![^>]*(src=|application/json))", page), path


def test_someone_named_on_the_server_can_still_make_an_account():
    invited = make_contributor("Nora")
    browser = Client()
    browser.force_login(invited)
    sign_up(browser)
    assert signed_in(browser) == invited


def test_an_operator_by_link_makes_an_account_and_may_then_add_a_second_factor(olivia, client_of):
    browser = client_of(olivia)
    page = browser.get("/operate/").content.decode()
    assert "/account/signup/?next=/account/2fa/" in page
    sign_up(browser, password="")
    assert signed_in(browser).is_operator
    assert 'href="/account/2fa/"' in browser.get("/operate/").content.decode()
    for path in ("", "totp/activate/", "webauthn/add/"):
        assert browser.get(f"/account/2fa/{path}").status_code == 200, path
