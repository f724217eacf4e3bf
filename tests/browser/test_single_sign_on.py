"""An account elsewhere, proven against a real OpenID Connect provider in a process of its own."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount

from config.supervisor.plan import any_port
from feedback.people.models import Contributor, TrustTier
from tests.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True),
]
ADA = {"sub": "ada", "email": "ada@example.org", "email_verified": True}


def serve(command: list[str], url: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True)
    for _ in range(300):
        try:
            if httpx.get(url).is_success:
                return process
        except httpx.TransportError:
            time.sleep(0.1)
    process.kill()
    raise AssertionError(f"{command} does not answer")


@pytest.fixture
def site(process_environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The address of a site whose environment names the provider, its secret in a file."""
    elsewhere, here = any_port(), any_port()
    secret = tmp_path / "secret"
    secret.write_text("not so secret\n")
    provider = f"http://localhost:{elsewhere}"
    program = str(Path(sys.executable).with_name("oidc-provider-mock"))
    command = [program, "--port", str(elsewhere), "--user-claims", json.dumps(ADA)]
    processes = [
        serve(command, f"{provider}/.well-known/openid-configuration", process_environment)
    ]
    environment = process_environment | {
        "OIDC_URL": provider,
        "OIDC_NAME": "Example House",
        "OIDC_CLIENT_ID": "commons",
        "OIDC_CLIENT_SECRET_FILE": str(secret),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--lifespan", "off"]
    command += ["--port", str(here), "--log-level", "warning"]
    processes.append(serve(command, f"http://127.0.0.1:{here}/healthz", environment))
    yield f"http://localhost:{here}"
    for process in processes:
        process.terminate()
        process.wait(timeout=20)


def sign_in_elsewhere(page: "Page") -> None:
    page.get_by_role("button", name="Example House").click()
    page.wait_for_url("**/oauth2/authorize**")
    page.get_by_role("button", name="ada", exact=True).click()


def test_an_account_elsewhere_claims_this_browser_and_opens_the_account_from_another(
    page: "Page", site: str
) -> None:
    page.goto(f"{site}/terms/")
    page.get_by_role("button", name="Agree and start").click()
    visitor = Contributor.objects.get()
    page.goto(f"{site}/account/signup/")
    sign_in_elsewhere(page)
    page.wait_for_url(f"{site}/arena/")
    account = Contributor.objects.get()
    assert (account.pk, account.trust_tier) == (visitor.pk, TrustTier.REGISTERED)
    assert SocialAccount.objects.get().user == account
    assert EmailAddress.objects.get().verified
    page.context.clear_cookies()
    page.goto(f"{site}/account/login/?next=/settings/")
    sign_in_elsewhere(page)
    page.wait_for_url(f"{site}/settings/")
    page.get_by_text("ada@example.org").wait_for()
    assert Contributor.objects.count() == 1
