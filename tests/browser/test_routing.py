"""Why a model was shown, and the router's page, in a real browser."""

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from feedback.pool.models import Comparison
from feedback.registry.models import ModelVersion
from feedback.routing.models import ModelRoute, Threshold
from tests.browser.test_accessibility import findings, operator, sign_in
from tests.feedback.arena.builders import QUESTION, two_recorded

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def ask(page: "Page", url: str, mode: str) -> None:
    page.goto(f"{url}{reverse('arena')}?mode={mode}")
    page.locator("textarea").fill(QUESTION)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/arena/*/")


def test_a_duel_says_why_once_it_is_judged(page, live_server):
    two_recorded()
    sign_in(page, live_server.url, operator())
    ask(page, live_server.url, "duel")
    route = ModelRoute.objects.get()
    why = f"{live_server.url}/routes/{route.public_id}/"
    names = [version.label for version in ModelVersion.objects.all()]
    assert page.request.get(why).status == 409
    page.goto(why)
    assert not [name for name in names if name in page.content()]
    page.goto(f"{live_server.url}/arena/{Comparison.objects.get().turn.conversation.public_id}/")
    page.get_by_role("button", name="Keys").wait_for()
    page.locator("[name=choice][value='1']").click()
    page.get_by_text("Why these two").click()
    page.get_by_role("link", name="Everything that was expected of them").click()
    page.get_by_role("heading", name="Why these two models").wait_for()
    for name in names:
        expect(page.get_by_role("rowheader", name=name)).to_be_visible()
    assert findings(page, "why") == []


def test_an_answer_by_name_says_why(page, live_server):
    two_recorded()
    sign_in(page, live_server.url, operator())
    ask(page, live_server.url, "assist")
    page.get_by_role("link", name="Why this model").click()
    page.get_by_role("heading", name="Why this model").wait_for()
    expect(page.get_by_text("No model has a rating yet")).to_be_visible()


def test_an_operator_reads_the_log_and_sets_a_threshold(page, live_server):
    two_recorded()
    sign_in(page, live_server.url, operator())
    ask(page, live_server.url, "assist")
    page.goto(f"{live_server.url}{reverse('operate')}")
    page.get_by_role("link", name="Router", exact=True).click()
    expect(page.get_by_role("link", name="How do v").first).to_be_visible()
    page.get_by_label("Name").fill("economy")
    page.get_by_label("Weak model").select_option(index=1)
    page.get_by_label("Prompts for the strong one").fill("30")
    page.get_by_role("button", name="Add").click()
    page.get_by_text("router-economy").wait_for()
    assert Threshold.objects.get().share == 0.3
    page.get_by_label("Policy").select_option("economy")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("No decision matches.").wait_for()
    assert findings(page, "router") == []
