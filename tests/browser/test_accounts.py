"""Accounts in a real browser: claiming what was judged, passkeys, an authenticator app."""

import base64
import hashlib
import hmac
import re
import struct
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from playwright.sync_api import expect

from feedback.people.models import Contributor, TrustTier
from feedback.pool.models import Preference
from tests.feedback.annotation.campaigns import make_campaign

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ADDRESS, PASSWORD = "ada@example.org", "violet-harbour-17"


@pytest.fixture
def reports(page: "Page") -> Iterator[list[str]]:
    """Whatever the Content-Security-Policy blocked."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text))
    yield found
    assert not [text for text in found if "Content Security Policy" in text]


@pytest.fixture
def security_key(page: "Page") -> "CDPSession":
    """A virtual authenticator that keeps passkeys and always says yes."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


def code() -> str:
    found = re.search(r"^\s*([A-Z0-9]{3,}(-[A-Z0-9]{3,})+)\s*$", mail.outbox[-1].body, re.M)
    assert found, mail.outbox[-1].body
    return found.group(1)


def totp(secret: str) -> str:
    """RFC 6238 with its usual numbers: SHA-1, six digits, thirty seconds."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def enter_totp_in_time(page: "Page", secret: str) -> None:
    """A code counts for what is left of its thirty seconds; after one that came late, the next."""
    for _ in range(5):
        page.get_by_label("Authenticator code").fill(totp(secret))
        with page.expect_navigation():
            page.get_by_role("button", name="Activate").click()
        if not page.get_by_text("Incorrect code.").count():
            return


def ask_for_a_key(page: "Page", button: str) -> None:
    """The button asks the browser for a key once the page's scripts have all run."""
    page.wait_for_load_state()
    page.get_by_role("button", name=button).click()


def enter_code(page: "Page") -> None:
    page.get_by_label("Code").fill(code())
    page.get_by_role("button", name="Confirm").click()


def sign_up(page: "Page", url: str) -> None:
    page.goto(f"{url}/account/signup/")
    page.get_by_label("E-mail").fill(ADDRESS)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_role("heading", name="Enter e-mail verification code").wait_for()
    enter_code(page)
    page.wait_for_url("**/arena/")


def sign_out(page: "Page", url: str) -> None:
    page.goto(f"{url}/people/sign-out/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url(lambda address: "sign-out" not in address)


def confirm_password(page: "Page") -> None:
    """What a page that changes how one signs in asks for first."""
    page.get_by_role("heading", name="Confirm Access").wait_for()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def test_signing_up_claims_what_this_browser_judged(page, live_server, reports):
    make_campaign(tasks=2)
    page.goto(f"{live_server.url}/annotate/")
    page.get_by_role("button", name="Agree and start").click()
    page.get_by_role("button", name="Keys").wait_for()
    page.wait_for_timeout(500)
    page.keyboard.press("1")
    page.get_by_text("Saved: Answer 1 better.").wait_for()
    visitor = Contributor.objects.get()
    page.goto(f"{live_server.url}/contributions/")
    page.get_by_text("These belong to this browser.").wait_for()
    page.get_by_role("link", name="Make an account").click()
    page.get_by_text("Your judgments stay yours").wait_for()
    page.get_by_label("E-mail").fill(ADDRESS)
    page.get_by_role("button", name="Send me a code").click()
    enter_code(page)
    page.wait_for_url("**/contributions/")
    page.get_by_text("One judgment.").wait_for()
    expect(page.get_by_text("These belong to this browser.")).to_have_count(0)
    account = Contributor.objects.get()
    assert (account.pk, account.trust_tier) == (visitor.pk, TrustTier.REGISTERED)
    assert Preference.objects.get().rater.contributor == account


def test_a_passkey_is_made_and_signs_in(page, live_server, reports, security_key):
    url = live_server.url
    sign_up(page, url)
    page.goto(f"{url}/account/2fa/webauthn/add/")
    confirm_password(page)
    expect(page.get_by_label("Use this passkey to sign in without a password")).to_be_checked()
    ask_for_a_key(page, "Add")
    page.get_by_role("heading", name="Recovery Codes").wait_for()
    assert Authenticator.objects.filter(type=Authenticator.Type.WEBAUTHN).count() == 1
    sign_out(page, url)
    page.goto(f"{url}/account/login/?next=/settings/")
    ask_for_a_key(page, "Sign in with a passkey")
    page.wait_for_url("**/settings/")
    page.get_by_text(ADDRESS).wait_for()


def test_an_account_can_be_made_with_a_passkey_and_no_password(
    page, live_server, reports, security_key
):
    page.goto(f"{live_server.url}/account/signup/")
    page.get_by_role("link", name="Use a passkey instead").click()
    page.get_by_label("E-mail").fill(ADDRESS)
    page.get_by_role("button", name="Send me a code").click()
    enter_code(page)
    page.get_by_role("heading", name="Create Passkey").wait_for()
    ask_for_a_key(page, "Create")
    page.wait_for_url("**/arena/")
    made = Contributor.objects.get()
    assert made.trust_tier == TrustTier.REGISTERED
    assert not made.has_usable_password()


def test_a_declined_passkey_is_said_in_words(page, live_server, reports):
    page.goto(f"{live_server.url}/account/login/")
    declines = "Promise.reject(new DOMException('', 'NotAllowedError'))"
    page.evaluate(f"() => {{ navigator.credentials.get = () => {declines} }}")
    ask_for_a_key(page, "Sign in with a passkey")
    page.get_by_text("No passkey was used. Try again").wait_for()


def test_an_authenticator_app_is_asked_for_and_a_code_works_once(page, live_server, reports):
    url = live_server.url
    sign_up(page, url)
    page.goto(f"{url}/account/2fa/totp/activate/")
    confirm_password(page)
    secret = page.get_by_label("Authenticator secret").input_value()
    enter_totp_in_time(page, secret)
    page.get_by_role("heading", name="Recovery Codes").wait_for()
    recovery = page.get_by_label("Unused codes").input_value().split()
    assert len(recovery) == 10
    sign_out(page, url)
    page.goto(f"{url}/account/login/")
    page.get_by_label("E-mail").fill(ADDRESS)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="Two-Factor Authentication").wait_for()
    cache.clear()  # as if thirty seconds had passed since the code was used
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("Incorrect code.").wait_for()
    page.get_by_label("Code").fill(recovery[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/arena/")


def test_a_session_that_ended_leads_back_to_where_one_was(page, live_server, reports):
    make_campaign(tasks=1)
    sign_up(page, live_server.url)
    page.context.clear_cookies()
    page.goto(f"{live_server.url}/annotate/")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("E-mail").fill(ADDRESS)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/annotate/")
    page.get_by_role("heading", name="Answer 1").wait_for()


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_of_the_account_scrolls_sideways(page, live_server, reports, width):
    page.set_viewport_size({"width": width, "height": 800})
    sign_up(page, live_server.url)
    for path in (
        "account/email/",
        "account/2fa/",
        "account/3rdparty/",
        "account/password/change/",
        "settings/",
        "settings/keys/",
        "contributions/",
        "contributions/leave/",
    ):
        page.goto(f"{live_server.url}/{path}")
        expect(page.locator("h1"), path).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
