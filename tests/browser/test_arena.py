"""A person asks in a real browser, judges blind by keyboard, and sees the names."""

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from feedback.pool.models import Comparison, Preference, Reaction
from feedback.registry import readiness
from feedback.registry.house_models import house_models_ensure
from feedback.registry.models import ModelVersion
from tests.feedback.arena.builders import two_recorded
from tests.feedback.registry.inference_server import inference_server

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
    expect(page.locator("#answer-1").get_by_text(comparison.response_a.text)).to_have_count(1)
    expect(page.locator("#answer-2").get_by_text(comparison.response_b.text)).to_have_count(1)
    assert not any(version.label in page.content() for version in ModelVersion.objects.all())
    page.keyboard.press("2")
    assert not Preference.objects.exists()
    expect(page.locator(":focus")).to_have_attribute("value", "2")
    page.keyboard.press("Enter")
    words = f"Saved. Answer 1 was {comparison.version_a}, Answer 2 was {comparison.version_b}."
    page.get_by_role("status").get_by_text(words).wait_for()
    assert Preference.objects.get().choice == "b"
    assert Preference.objects.get().duration_ms >= 400
    page.locator("#task:focus").wait_for()
    page.get_by_text("Why these two").click()
    expect(page.get_by_text("2 models could answer.")).to_be_visible()
    page.get_by_role("link", name="New conversation").first.click()
    page.get_by_role("heading", name="What would you like to ask?").wait_for()
    assert reports == []


def test_on_a_phone_the_unread_answer_is_asked_about_and_copying_is_a_reaction(
    page, live_server, reports
):
    page.set_viewport_size({"width": 390, "height": 844})
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    two_recorded("Why is the sky blue?")
    ask_example(page, live_server)
    expect(page.locator("#answer-2")).to_be_hidden()
    page.locator("#answer-1").get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    page.get_by_role("button", name="Answer 1 is better").click()
    expect(page.get_by_text("You have not opened Answer 2.")).to_be_visible()
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


def test_more_can_be_said_after_the_judgment_and_never_before(page, live_server, reports):
    two_recorded("Why is the sky blue?")
    ask_example(page, live_server)
    expect(page.get_by_text("Say more")).to_have_count(0)
    page.get_by_role("button", name="Answer 2 is better").click()
    page.get_by_role("link", name="Say more").click()
    extras = page.locator("#extras")
    extras.get_by_text("Clearly").click()
    extras.get_by_role("group", name="Truthful").get_by_text("Answer 2 more").click()
    extras.get_by_text("To the point").click()
    extras.get_by_label("In your own words").fill("It names the molecules.")
    extras.get_by_role("button", name="Save these too").dblclick()
    extras.get_by_text("Saved. Thank you.").wait_for()
    page.wait_for_timeout(300)
    full = Preference.objects.get(state="active")
    assert (full.choice, full.strength, full.aspects) == ("b", 2.0, {"truthful": "b"})
    assert (full.reasons, full.rationale) == (["to_the_point"], "It names the molecules.")
    assert Preference.objects.count() == 2
    page.get_by_text("Improve Answer 2").click()
    page.get_by_label("The answer as it should have been").fill("Air scatters blue light more.")
    page.get_by_role("button", name="Save the edit").click()
    page.get_by_text("Saved. Your text is kept beside the answer.").wait_for()
    assert Reaction.objects.get().value == "Air scatters blue light more."
    assert reports == []


def test_a_question_that_is_clicked_twice_is_asked_once(page, live_server):
    two_recorded("Why is the sky blue?")
    agree(page, live_server)
    page.get_by_label("Your message").fill("Why is the sky blue?")
    page.get_by_role("button", name="Send", exact=True).dblclick()
    page.get_by_role("button", name="Answer 1 is better").wait_for()
    assert Comparison.objects.count() == 1
    page.get_by_role("button", name="Answer 1 is better").dblclick()
    page.get_by_role("status").get_by_text("Saved.").wait_for()
    page.wait_for_timeout(300)
    assert Preference.objects.get().choice == "a"


def test_the_back_button_after_a_judgment_shows_that_it_was_given(page, live_server, reports):
    two_recorded("Why is the sky blue?")
    ask_example(page, live_server)
    page.get_by_role("button", name="Answer 1 is better").click()
    page.get_by_role("status").get_by_text("Saved.").wait_for()
    page.get_by_role("link", name="New conversation").first.click()
    page.get_by_role("heading", name="What would you like to ask?").wait_for()
    page.go_back()
    page.get_by_role("status").get_by_text("Saved.").wait_for()
    expect(page.get_by_role("button", name="Answer 1 is better")).to_have_count(0)
    assert Preference.objects.count() == 1
    assert reports == []


def test_two_windows_on_one_pair_give_one_judgment(page, live_server):
    two_recorded("Why is the sky blue?")
    ask_example(page, live_server)
    other = page.context.new_page()
    other.goto(page.url)
    page.get_by_role("button", name="Answer 1 is better").click()
    page.get_by_role("status").get_by_text("Saved.").wait_for()
    other.get_by_role("button", name="Answer 2 is better").click()
    other.get_by_role("alert").get_by_text("You have judged this comparison already.").wait_for()
    assert Preference.objects.get().choice == "a"


def test_the_sheet_of_keys_opens_and_every_button_has_a_name(page, live_server, reports):
    two_recorded("Why is the sky blue?")
    ask_example(page, live_server)
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    for key, value in (("1", "1"), ("2", "2"), ("0", "tie"), ("9", "both_bad")):
        page.keyboard.press(key)
        expect(page.locator(":focus")).to_have_attribute("value", value)
    assert not Preference.objects.exists()
    for button in page.get_by_role("button").all():
        assert button.inner_text().strip()
    expect(page.get_by_role("status")).to_have_count(1)
    assert reports == []


def test_a_phone_gives_the_text_four_fifths(page, live_server):
    two_recorded("Why is the sky blue?")
    page.set_viewport_size({"width": 390, "height": 844})
    ask_example(page, live_server)
    assert page.locator(".decide").bounding_box()["height"] <= 0.2 * 844
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_goes_on_by_itself_when_the_models_are_ready(
    page, live_server, settings, monkeypatch, reports
):
    settings.MODELS = "smollm2"
    monkeypatch.setattr(readiness, "_look", readiness._Look())
    with inference_server() as server:
        settings.CHAT_URL = server.url
        server.pretrained = {"name": "smollm2", "state": "preparing", "problem": None}
        if not house_models_ensure():
            pytest.skip("needs the model packages: make install")
        agree(page, live_server)
        note = page.locator("#models-note")
        expect(note).to_contain_text("are being prepared")
        page.get_by_label("Your message").fill("What is a vector clock?")
        looks = server.looks
        server.pretrained |= {"state": "ready"}
        expect(note).to_contain_text("Very small models on this very machine answer here")
        expect(page.get_by_label("Your message")).to_have_value("What is a vector clock?")
        assert server.looks > looks
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.locator(".answer").filter(has_text="Hello.")).to_have_count(2)
    assert reports == []
