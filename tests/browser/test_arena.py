"""A person asks in a real browser, judges blind by keyboard, and sees the names."""

from typing import TYPE_CHECKING

import pytest

from feedback.pool.models import Comparison, Preference, Reaction, Response
from feedback.registry.models import ModelVersion
from tests.feedback.arena.builders import live, two_recorded
from tests.feedback.arena.model_server import ModelServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

GRACE_MS = 500  # keys are ignored for 400 ms after a page has come


@pytest.fixture
def reports(page: "Page") -> list[str]:
    """What the browser complains about: blocked styles and scripts above all."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text))
    return found


def agree(page: "Page", live_server) -> None:
    page.goto(live_server.url)
    page.get_by_role("button", name="Agree and start").click()


def ask_example(page: "Page", live_server) -> None:
    agree(page, live_server)
    page.locator(".examples").get_by_role("button", name="Why is the sky blue?").click()
    page.get_by_role("button", name="Keys").wait_for()  # the script has run
    page.wait_for_timeout(GRACE_MS)


def test_an_example_is_judged_by_keyboard_and_then_the_names_are_shown(page, live_server, reports):
    two_recorded("Why is the sky blue?")
    ask_example(page, live_server)
    comparison = Comparison.objects.get()
    assert page.locator("#answer-1").inner_text().count(comparison.response_a.text) == 1
    assert page.locator("#answer-2").inner_text().count(comparison.response_b.text) == 1
    assert not any(version.label in page.content() for version in ModelVersion.objects.all())
    page.keyboard.press("2")
    assert not Preference.objects.exists()
    assert page.evaluate("document.activeElement.value") == "2"
    page.keyboard.press("Enter")
    words = f"Saved. Answer 1 was {comparison.version_a}, Answer 2 was {comparison.version_b}."
    page.get_by_role("status").get_by_text(words).wait_for()
    assert Preference.objects.get().choice == "b"
    assert Preference.objects.get().duration_ms >= 400
    page.locator("#task:focus").wait_for()
    page.get_by_text("Why these two").click()
    assert page.get_by_text("2 models could answer.").is_visible()
    page.get_by_role("link", name="New conversation").first.click()
    page.get_by_role("heading", name="Two models, names hidden").wait_for()
    assert reports == []


def test_answers_grow_on_the_page_and_one_can_be_stopped_and_judged(page, live_server, reports):
    server = ModelServer()
    server.start()
    live("quick", server.url)
    live("slow", server.url)
    agree(page, live_server)
    page.get_by_label("Your message").fill("How do vector clocks work?")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Stop and judge now").wait_for()
    slow = 1 + (Comparison.objects.get().version_b.remote_name == "slow")
    said = page.get_by_role("status")
    assert said.inner_text() == f"Answer {slow} is still writing."
    page.get_by_role("button", name="Answer 1 is better").click(force=True)
    assert "You can judge when both have finished." in said.inner_text()
    assert page.locator(f"#answer-{slow}").get_attribute("aria-busy") == "true"
    page.get_by_role("button", name="Stop and judge now").click()
    said.get_by_text("Both answers have finished.").wait_for()
    assert page.locator(f"#answer-{slow} .state").inner_text() == "Stopped"
    page.get_by_role("button", name=f"Answer {3 - slow} is better").click()
    said.get_by_text("Saved.").wait_for()
    assert page.get_by_label("Ask both a follow-up").is_visible()
    assert Response.objects.get(version__remote_name="slow").state == "stopped"
    server.stop()
    assert reports == []


def test_on_a_phone_the_unread_answer_is_asked_about_and_copying_is_a_reaction(
    page, live_server, reports
):
    page.set_viewport_size({"width": 390, "height": 844})
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    two_recorded("Why is the sky blue?")
    ask_example(page, live_server)
    assert page.locator("#answer-2").is_hidden()
    page.locator("#answer-1").get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    page.get_by_role("button", name="Answer 1 is better").click()
    assert page.get_by_text("You have not opened Answer 2.").is_visible()
    assert not Preference.objects.exists()
    page.get_by_role("button", name="Answer 1 is better").click()
    page.get_by_role("status").get_by_text("Saved.").wait_for()
    assert Reaction.objects.get().kind == "copy"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert reports == []


def test_without_a_script_it_works_the_same(browser: "Browser", live_server):
    two_recorded("Why is the sky blue?")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    agree(page, live_server)
    page.locator(".examples").get_by_role("button", name="Why is the sky blue?").click()
    page.get_by_role("button", name="About equal").click()
    page.get_by_role("status").get_by_text("Saved.").wait_for()
    assert Preference.objects.get().choice == "tie"
    context.close()
