"""A person judges by keyboard in a real browser, changes their mind, and loses the network."""

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from feedback.campaigns.models import Assignment
from feedback.pool.choices import displayed_choice
from feedback.pool.models import Preference, PreferenceState
from tests.feedback.annotation.campaigns import make_campaign

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

JUDGE = "**/annotate/task/judge/"
GRACE_MS = 500  # keys are ignored for 400 ms after a new task


@pytest.fixture
def reports(page: "Page") -> list[str]:
    """What the browser complains about: blocked styles and scripts above all."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text))
    return found


def start(page: "Page", live_server, path: str = "/annotate/") -> None:
    page.goto(f"{live_server.url}{path}")
    page.get_by_role("button", name="Agree and start").click()
    page.get_by_role("button", name="Keys").wait_for()  # the script has run
    page.wait_for_timeout(GRACE_MS)


def token_of(page: "Page") -> str:
    return page.locator("#task").get_attribute("data-token") or ""


def press(page: "Page", key: str) -> None:
    """Press a key that judges, and wait until another task is there."""
    before = token_of(page)
    page.keyboard.press(key)
    page.locator(f"#task:not([data-token='{before}'])").wait_for()
    page.wait_for_timeout(GRACE_MS)


def test_judging_by_keyboard_saves_one_after_the_other(page, live_server, reports):
    make_campaign(tasks=5)
    start(page, live_server)
    for key, words in (("1", "Answer 1 better"), ("2", "Answer 2 better"), ("0", "about equal")):
        press(page, key)
        page.get_by_role("status").get_by_text(f"Saved: {words}.").wait_for()
    expect(page.locator(":focus")).to_have_id("task")
    press(page, "9")
    page.get_by_text("Saved: both bad.").wait_for()
    page.keyboard.press("1")
    page.get_by_role("heading", name="Nothing to judge right now.").wait_for()
    page.get_by_text("Saved: Answer 1 better.").wait_for()
    shown = [
        displayed_choice(preference.choice, preference.order_shown)
        for preference in Preference.objects.order_by("judged_at")
    ]
    assert shown == ["1", "2", "tie", "both_bad", "1"]
    assert all(p.duration_ms >= 400 for p in Preference.objects.all())
    assert reports == []


def test_undo_skip_and_the_sheet_by_keyboard(page, live_server, reports):
    make_campaign(tasks=4)
    start(page, live_server)
    judged = token_of(page)
    press(page, "1")
    page.get_by_text("Saved: Answer 1 better.").wait_for()
    press(page, "u")
    assert token_of(page) == judged
    expect(page.locator("[name=choice][value='1']")).to_have_attribute("aria-pressed", "true")
    press(page, "0")
    page.get_by_text("Saved: about equal.").wait_for()
    assert list(Preference.objects.order_by("created_at").values_list("state", flat=True)) == [
        PreferenceState.SUPERSEDED,
        PreferenceState.ACTIVE,
    ]
    page.keyboard.press("s")
    page.keyboard.press("Escape")
    assert not page.locator("#skip").evaluate("list => list.open")
    page.keyboard.press("s")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Skipped. You will not see this one again.").wait_for()
    assert Assignment.objects.get(state="skipped").skip_reason == "unsafe"
    page.wait_for_timeout(GRACE_MS)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    assert Preference.objects.count() == 2
    assert reports == []


def test_keys_that_are_not_meant_are_ignored(page, live_server):
    make_campaign(tasks=3)
    start(page, live_server)
    here = token_of(page)
    for key in ("Control+1", "Alt+2", "7", "a"):
        page.keyboard.press(key)
    assert token_of(page) == here
    press(page, "2")
    page.get_by_text("Saved: Answer 2 better.").wait_for()
    page.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', {key: '1', repeat: true}))")
    assert Preference.objects.count() == 1
    # The place of a digit counts where the layout has another sign there.
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', "
        "{key: '&', code: 'Digit1', bubbles: true}))"
    )
    page.get_by_text("Saved: Answer 1 better.").wait_for()


def test_without_the_network_nothing_is_lost(page, live_server):
    make_campaign(tasks=6)
    with page.expect_response("**/annotate/task/next/"):  # the next task is fetched ahead
        start(page, live_server)
    page.wait_for_function("document.getElementById('next').content.querySelector('#task')")
    page.context.set_offline(True)
    press(page, "1")
    page.get_by_text("1 judgment is not saved yet.").wait_for()
    page.keyboard.press("2")
    page.get_by_text("2 judgments are not saved yet.").wait_for()
    assert "Saved" not in page.locator("#said").inner_text()
    assert Preference.objects.count() == 0
    page.context.set_offline(False)
    page.get_by_text("Saved: Answer 2 better.").wait_for()
    page.locator("#task[data-token]:not([data-done])").wait_for()
    expect(page.locator("#unsent")).to_have_text("")
    assert Preference.objects.filter(state="active").count() == 2
    page.wait_for_function("!Object.keys(localStorage).some(key => key.includes(':'))")


def test_with_three_unsaved_the_page_stops_and_goes_on_once_they_are_saved(page, live_server):
    make_campaign(tasks=6)
    start(page, live_server)
    page.route(JUDGE, lambda route: route.abort())
    press(page, "1")
    press(page, "2")
    third = token_of(page)
    page.keyboard.press("0")
    page.get_by_text("3 judgments are not saved yet.").wait_for()
    page.keyboard.press("9")
    assert token_of(page) == third
    page.unroute(JUDGE)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.locator(f"#task[data-token]:not([data-token='{third}'])").wait_for()
    expect(page.locator("#unsent")).to_have_text("")
    counted = Preference.objects.order_by("judged_at").values_list("choice", flat=True)
    assert len(counted) == 3
    assert counted[2] == "tie"


def test_a_judgment_waits_for_the_next_visit_where_the_page_was_closed(page, live_server):
    make_campaign(tasks=3)
    start(page, live_server)
    page.route(JUDGE, lambda route: route.abort())
    page.keyboard.press("1")
    page.get_by_text("1 judgment is not saved yet.").wait_for()
    page.unroute(JUDGE)
    page.goto(f"{live_server.url}/annotate/")
    page.get_by_text("Saved: Answer 1 better.").wait_for()
    assert Preference.objects.count() == 1


def test_a_lost_hold_is_said_and_taken_again(page, live_server):
    make_campaign(tasks=2)
    start(page, live_server)
    late = token_of(page)
    Assignment.objects.filter(token=late).update(state="expired")
    page.keyboard.press("1")
    page.get_by_text("Your reservation expired, so this judgment was not saved.").wait_for()
    page.get_by_role("button", name="Reclaim the task.").click()
    page.get_by_role("button", name="Reclaim the task.").wait_for(state="hidden")
    page.get_by_role("button", name="Keys").wait_for()
    assert token_of(page).partition("-")[0] == late.partition("-")[0]
    page.wait_for_timeout(GRACE_MS)
    press(page, "1")
    page.get_by_text("Saved: Answer 1 better.").wait_for()


def test_a_phone_asks_before_judging_an_answer_that_was_not_opened(page, live_server):
    make_campaign(tasks=2)
    page.set_viewport_size({"width": 390, "height": 844})
    start(page, live_server)
    expect(page.locator("#answer-1")).to_be_visible()
    expect(page.locator("#answer-2")).to_be_hidden()
    page.locator("[name=choice][value='1']").click()
    page.get_by_text("You have not opened Answer 2.").wait_for()
    assert Preference.objects.count() == 0
    page.get_by_role("button", name="Judge anyway").click()
    page.get_by_text("Saved: Answer 1 better.").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_longer_form_takes_the_choice_first_and_enter_sends(page, live_server, reports):
    make_campaign(tasks=2, aspects=["helpful"], asks_strength=True, asks_rationale=True)
    start(page, live_server)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="You chose: Answer 2 better").wait_for()
    page.get_by_label("Clearly").check()
    page.get_by_label("Why?").fill("It has 1 and 2 in it.")
    page.get_by_role("button", name="Submit").click()
    page.get_by_text("Saved: Answer 2 better.").wait_for()
    preference = Preference.objects.get()
    assert (preference.strength, preference.rationale) == (2, "It has 1 and 2 in it.")
    assert reports == []
