"""Every page of the site under axe (WCAG 2.2 AA), in light and dark, on a desk and on a phone.

The pages come from the URLconf: a page that is new and named nowhere here fails the test.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from feedback.campaigns.models import Assignment, GoldItem
from feedback.people.invitations.services import invitation_create
from feedback.people.models import Contributor, Role, TrustTier
from feedback.pool.models import Response
from feedback.quality.gold.services import gold_set
from feedback.registry.models import LanguageModel, ModelVersion
from feedback.routing.services import models_route
from feedback.training.models import Checkpoint, RunEvent, RunState, TrainingRun
from feedback.training.promotion.services import checkpoint_promote
from feedback.training.services import run_request
from tests.feedback.annotation.campaigns import make_campaign
from tests.feedback.arena.builders import QUESTION, two_recorded
from tests.feedback.builders import judge, make_contributor

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AT_REST = "!document.querySelector('.htmx-request, #task[aria-busy=true]')"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LOOKS = [(width, theme) for width in (1280, 390) for theme in ("light", "dark")]
TWO_LOOKS = [(1280, "light"), (390, "dark")]

# What answers with something else than a page, or only to a form's POST, by name.
NO_PAGES = re.compile(
    r"^(api_|openai_|schema|swagger|healthz|readyz|metrics|unnamed |chat_completions"
    r"|arena_(ask|answers|judge|stop|retry|stream|follow_up|extras|again|edit|thumb|replace)"
    r"|annotate_(next|judge|more|skip|renew|again|differences)"
    r"|campaign_state|report_decide|run_cancel|run_again|version_(do|probe)|threshold_|schedule_|provider_|key_revoke|invitation_end"
    r"|visibility|expertise|mfa_remove_webauthn|account_(confirm_email|reset_password_from_key))"
)


def names(tree: list[URLPattern | URLResolver], space: str = "") -> Iterator[str]:
    """The names of all addresses."""
    for each in tree:
        if isinstance(each, URLResolver):
            inner = f"{space}{each.namespace}:" if each.namespace else space
            yield from names(each.url_patterns, inner)
        else:
            yield f"{space}{each.name}" if each.name else f"unnamed {each.pattern}"


def pages() -> tuple[list[str], set[str]]:
    """The names of the pages that need no argument, and of those that do."""
    plain, of_one = [], set()
    for name in sorted(set(names(get_resolver().url_patterns))):
        if NO_PAGES.search(name):
            continue
        try:
            reverse(name)
        except NoReverseMatch:
            of_one.add(name)
        else:
            plain.append(name)
    return plain, of_one


def sign_in(page: "Page", url: str, who: Contributor) -> None:
    """Give the browser a session of this person, who has an account and just signed in to it."""
    EmailAddress.objects.create(user=who, email=f"{who.name}@example.org", verified=True)
    session = SessionStore()
    session[SESSION_KEY] = str(who.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = who.get_session_auth_hash()
    request = HttpRequest()
    request.user, request.session = who, session
    record_authentication(request, who, method="mfa", reauthenticated=True)
    session.save()
    page.context.add_cookies([{"name": "sessionid", "value": session.session_key, "url": url}])


def operator() -> Contributor:
    """Somebody who may see every page."""
    who = make_contributor("olivia")
    who.role, who.trust_tier = Role.ADMIN, TrustTier.TRUSTED
    who.save()
    return who


def findings(page: "Page", where: str, looks: Sequence[tuple[int, str]] = LOOKS) -> list[str]:
    """What axe has to say about the page as it stands, in each look.

    At the page's end nothing that sticks to the window's edge covers a part of a button, which axe
    would take for a button that is too small. What waits for the server is drawn paler, so nothing
    may wait any more: an answer is on the page a moment before its form is at rest.
    """
    found = []
    page.evaluate(AXE_SCRIPT)
    for width, theme in looks:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.evaluate("scrollTo({top: document.documentElement.scrollHeight, behavior: 'instant'})")
        page.wait_for_function(AT_REST)
        violations = page.evaluate(
            "rules => axe.run({runOnly: rules}).then(r => r.violations)", RULES
        )
        for violation in violations:
            nodes = "; ".join(node["html"][:160] for node in violation["nodes"][:3])
            found.append(f"{where} {width} {theme} {violation['id']}: {nodes}")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{where} {width} {theme} scrolls sideways")
    return found


def findings_of_plain_pages(
    page: "Page", url: str, looks: Sequence[tuple[int, str]], shown: list[str]
) -> list[str]:
    """What axe has to say about each page without an argument that this visitor may see."""
    found = []
    for name in pages()[0]:
        answer = page.request.get(f"{url}{reverse(name)}")
        if answer.status in (204, 403, 405):
            continue
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        assert answer.status < 500, f"{name} answered {answer.status}"
        page.goto(f"{url}{reverse(name)}")
        if page.url == f"{url}{reverse(name)}":  # else it led to another page
            shown.append(name)
        found += findings(page, name, looks)
    return found


def of_one_thing(who: Contributor, page: "Page", url: str) -> dict[str, list[object]]:
    """The pages of one thing, with the rows they need."""
    campaign = make_campaign(tasks=3, guidelines="Be *fair*.")
    comparison = campaign.tasks.first().comparison
    judgment = judge(comparison, who, rationale="It is *true*.")
    gold_set(campaign=campaign, comparison=comparison, choice="a", explanation="So it is.")
    page.goto(f"{url}/annotate/")
    trained, trained_again = checkpoint(), checkpoint()
    for each in (trained, trained_again):
        checkpoint_promote(checkpoint=each, actor=who)
    key = Authenticator.objects.create(user=who, type="webauthn", data={"name": "My key"})
    two_recorded()
    asked = Client()
    asked.force_login(who)
    talk = asked.post(reverse("arena_ask"), {"text": QUESTION}).headers["Location"]
    routed = models_route(
        messages=[{"role": "user", "content": QUESTION}],
        candidates=list(ModelVersion.objects.order_by("label")),
        contributor=who,
    )
    return {
        "annotate_campaign": [campaign.slug],
        "annotate_undo": [Assignment.objects.get().token],  # its error page
        "arena_conversation": [talk.strip("/").split("/")[-1]],
        "campaign_edit": [campaign.slug],
        "change": [judgment.public_id],
        "comparison": [comparison.public_id],
        "gold": [campaign.slug],
        "invitation": [invitation_create(role=Role.CURATOR).strip("/").split("/")[-1]],
        "mfa_edit_webauthn": [key.pk],
        "model": [LanguageModel.objects.first().slug],
        "rater": [who.rater.public_id],
        "report": [comparison.response_a.public_id],
        "run": [trained.run.number],
        "run_promote": [trained.run.number],
        "run_roll_back": [trained_again.run.number],
        "version": [comparison.version_a_id],
        "why": [routed.route.public_id],
        "withdraw": [judgment.public_id],
    }


def checkpoint() -> Checkpoint:
    """A run that is over, with a curve, and what came of it."""
    run = run_request(kind="reward", seed=TrainingRun.objects.count())
    TrainingRun.objects.filter(pk=run.pk).update(
        state=RunState.SUCCEEDED, metrics={"accuracy": 0.7}
    )
    for step in (1, 2, 3):
        RunEvent.objects.create(
            run=run, attempt=0, step=step, phase="train", metrics={"loss": 1 / step}
        )
    path = Path(settings.DATA_DIR) / "artifacts" / "reward" / run.pk.hex
    path.mkdir(parents=True)
    version = Checkpoint.objects.count() + 1
    return Checkpoint.objects.create(
        run=run, kind="reward", version=version, path=str(path), digest="d", files={}
    )


def test_every_page_that_needs_no_argument(page, live_server):
    make_campaign(tasks=3)
    sign_in(page, live_server.url, operator())
    shown: list[str] = []
    assert findings_of_plain_pages(page, live_server.url, LOOKS, shown) == []
    assert {"operate", "quality", "campaigns", "mfa_index"} <= set(shown)


def test_what_an_ordinary_contributor_sees(page, live_server):
    make_campaign(tasks=3)
    sign_in(page, live_server.url, make_contributor("alice"))
    shown: list[str] = []
    assert findings_of_plain_pages(page, live_server.url, TWO_LOOKS, shown) == []
    assert {"arena", "annotate", "contributions", "settings"} <= set(shown)
    assert "operate" not in shown


def test_every_page_with_an_argument(page, live_server):
    who = operator()
    sign_in(page, live_server.url, who)
    known = of_one_thing(who, page, live_server.url)
    assert pages()[1] == set(known), "add these pages here, so that axe looks at them"
    found = []
    for name, arguments in known.items():
        address = reverse(name, args=arguments)
        answer = page.goto(f"{live_server.url}{address}")
        expected = 404 if name == "annotate_undo" else 200
        assert (answer.status, page.url) == (expected, f"{live_server.url}{address}"), name
        found += findings(page, name, TWO_LOOKS)
    page.goto(
        f"{live_server.url}{reverse('gold', args=known['gold'])}?comparison="
        + known["comparison"][0]
    )
    found += findings(page, "gold, one chosen", TWO_LOOKS)
    assert found == []


@pytest.mark.parametrize(
    "path", ["/", "/terms/", "/leaderboard/", "/models/", "/data/", "/nowhere/"]
)
def test_what_a_stranger_sees(page, live_server, path):
    page.goto(f"{live_server.url}{path}")
    assert findings(page, path) == []


def test_the_annotate_page_in_all_its_states(page, live_server):
    campaign = make_campaign(
        tasks=4, aspects=["helpful"], reasons=["wrong"], asks_strength=True, asks_rationale=True
    )
    shown = campaign.tasks.values("comparison__response_a")  # whichever task comes first
    answers = Response.objects.filter(pk__in=shown)
    answers.update(text="$x^2$ and\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\n\n# Head")
    sign_in(page, live_server.url, operator())
    page.goto(f"{live_server.url}/annotate/")
    page.get_by_role("button", name="Keys").wait_for()
    found = []
    page.locator("[name=choice][value='1']").click()
    page.get_by_role("heading", name="You chose:").wait_for()
    found += findings(page, "asking more")
    page.locator(".view summary").click()
    page.locator("#differ").click()
    page.locator("mark").first.wait_for()
    found += findings(page, "differences")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("#keys").click()
    page.locator("#sheet details summary").click()
    found += findings(page, "keys")
    page.keyboard.press("Escape")
    page.locator("#skip summary").click()
    found += findings(page, "skip list")
    assert found == []


def test_the_annotate_page_when_something_went_wrong_and_when_it_teaches(page, live_server):
    campaign = make_campaign(tasks=4)
    sign_in(page, live_server.url, make_contributor("alice"))
    page.goto(f"{live_server.url}/annotate/")
    page.get_by_role("button", name="Keys").wait_for()
    Assignment.objects.update(state="expired")
    page.locator("[name=choice][value='1']").click()
    page.get_by_role("button", name="Reclaim the task.").wait_for()
    found = findings(page, "lease gone")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{live_server.url}/annotate/")
    page.get_by_role("button", name="Keys").wait_for()
    page.route("**/annotate/task/judge/", lambda route: route.abort())
    page.locator("[name=choice][value='1']").click()
    page.get_by_text("1 judgment is not saved yet.").wait_for()
    found += findings(page, "unsent")
    for task in campaign.tasks.all():
        GoldItem.objects.create(
            campaign=campaign, comparison=task.comparison, choice="tie", mode="training",
            explanation="They say **the same**.",
        )  # fmt: skip
    page.unroute("**/annotate/task/judge/")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.get_by_role("heading", name="The gold answer is another one: about equal").wait_for()
    found += findings(page, "lesson")
    assert found == []
