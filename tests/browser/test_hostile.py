"""What goes wrong at a desk: nothing is lost, doubled or executed, and a sentence says what was."""

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from feedback.campaigns.models import Assignment, GoldItem
from feedback.pool.models import Preference
from tests.browser.test_annotate import GRACE_MS, JUDGE, press, start, token_of
from tests.feedback.annotation.campaigns import make_campaign

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ASKS = {"aspects": ["helpful"], "reasons": ["It is wrong", "It is long"]}
ASKS |= {"asks_strength": True, "asks_rationale": True}
HOSTILE = r"""<script>window.acted = 1</script> <b hx-get="/sign-out/" hx-trigger="load">b</b>
[link](javascript:window.acted=1) ![i](http://127.0.0.1:9/x.png)
<img src=x onerror=window.acted=1> <svg onload=window.acted=1> &lt;script&gt;
$\href{javascript:window.acted=1}{x}$ <form action="/sign-out/" method=post>
<a href="data:text/html,<script>window.acted=1</script>">d</a>
"""
EMOJI_AND_MARKS = "\N{RIGHT-TO-LEFT OVERRIDE}evil\N{POP DIRECTIONAL FORMATTING} \N{WOMAN}\N{ROCKET}"


def write(campaign, text_a: str, text_b: str = "An answer.") -> None:
    for task in campaign.tasks.all():
        for response, text in (
            (task.comparison.response_a, text_a),
            (task.comparison.response_b, text_b),
        ):
            response.text = text
            response.save()


def test_pressing_twice_at_once_judges_once(page, live_server):
    make_campaign(tasks=3)
    start(page, live_server)
    page.locator("[name=choice][value='1']").dblclick()
    page.get_by_text("Saved: Answer 1 better.").wait_for()
    page.wait_for_timeout(GRACE_MS)
    assert (
        Preference.objects.count() <= 2
    )  # the second press may meet the next task, never the first
    per_task = Preference.objects.values_list("comparison_id", flat=True)
    assert len(set(per_task)) == len(per_task)


def test_two_windows_on_one_task_judge_it_once_and_the_second_is_told(page, live_server):
    make_campaign(tasks=1)
    start(page, live_server)
    other = page.context.new_page()
    other.goto(f"{live_server.url}/annotate/")
    other.get_by_role("button", name="Keys").wait_for()
    assert token_of(other) == token_of(page)
    page.keyboard.press("1")
    page.get_by_text("Saved: Answer 1 better.").wait_for()
    other.wait_for_timeout(GRACE_MS)
    other.keyboard.press("2")
    other.get_by_text("You have judged this already").wait_for()
    expect(other.locator("#unsent")).to_contain_text("Answer 1 better")
    assert Preference.objects.count() == 1


def test_going_back_after_a_judgment_does_not_offer_the_task_again(page, live_server):
    make_campaign(tasks=3)
    start(page, live_server)
    judged = token_of(page)
    press(page, "1")
    page.get_by_text("Saved: Answer 1 better.").wait_for()
    page.goto(f"{live_server.url}/settings/")
    page.go_back()
    page.get_by_role("button", name="Keys").wait_for()
    assert token_of(page) != judged
    assert Preference.objects.count() == 1


def test_an_answer_that_was_lost_on_its_way_is_not_counted_twice(page, live_server):
    make_campaign(tasks=3)
    start(page, live_server)
    lost = []

    def lose(route):
        if lost:
            return route.continue_()
        lost.append(route.fetch())  # the server has saved it; the browser never hears
        return route.abort()

    page.route(JUDGE, lose)
    page.keyboard.press("1")
    page.get_by_text("1 judgment is not saved yet.").wait_for()
    page.get_by_text("Saved: Answer 1 better.").wait_for()
    assert lost[0].status == 201
    assert Preference.objects.count() == 1


def test_a_draft_survives_a_session_that_ended_and_a_reload(page, live_server):
    make_campaign(tasks=2, **ASKS)
    start(page, live_server)
    page.locator("[name=choice][value='2']").click()
    page.get_by_label("Clearly").check()
    page.get_by_label("It is long").check()
    page.get_by_label("Why? If you like.").fill("Half a thought")
    session = Session.objects.get()
    kept = session.session_key, session.session_data, session.expire_date
    session.delete()
    page.get_by_role("button", name="Submit").click()
    page.get_by_text("You are signed out, so this is not saved yet.").wait_for()
    assert Preference.objects.count() == 0
    Session.objects.create(session_key=kept[0], session_data=kept[1], expire_date=kept[2])
    page.context.add_cookies([{"name": "sessionid", "value": kept[0], "url": live_server.url}])
    page.get_by_role("link", name="Sign in again").click()
    page.get_by_text("Saved: Answer 2 better.").wait_for()
    preference = Preference.objects.get()
    assert (preference.rationale, preference.reasons) == ("Half a thought", ["It is long"])
    assert preference.strength == 2


def test_a_draft_is_there_again_after_a_reload_and_gone_once_sent(page, live_server):
    make_campaign(tasks=2, **ASKS)
    start(page, live_server)
    page.locator("[name=choice][value='1']").click()
    page.get_by_label("Why? If you like.").fill("Half a thought")
    page.reload()
    page.get_by_text("Your unfinished text is back.").wait_for()
    expect(page.get_by_label("Why? If you like.")).to_have_value("Half a thought")
    page.locator("[name=choice][value='2']").click()
    page.get_by_role("heading", name="You chose: Answer 2 better").wait_for()
    page.wait_for_function("document.getElementById('rationale').value === 'Half a thought'")
    page.get_by_role("button", name="Submit").click()
    page.get_by_text("Saved: Answer 2 better.").wait_for()
    assert Preference.objects.get().rationale == "Half a thought"
    page.wait_for_function("!Object.keys(localStorage).some(key => key.startsWith('draft~'))")


def test_what_a_model_wrote_does_nothing(page, live_server):
    campaign = make_campaign(tasks=1)
    write(campaign, HOSTILE + EMOJI_AND_MARKS)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    start(page, live_server)
    page.keyboard.press("d")
    page.locator("mark").first.wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate("window.acted") is None
    assert all(url.startswith((live_server.url, "data:image/")) for url in asked)
    assert not [url for url in asked if "sign-out" in url]
    expect(page.locator(".pair :is(script, img, svg, form, [onerror], [hx-get])")).to_have_count(0)
    expect(page.locator(".pair a[href^='javascript'], .pair a[href^='data']")).to_have_count(0)


def test_a_very_long_and_an_empty_answer_can_be_judged(page, live_server):
    campaign = make_campaign(tasks=1)
    write(campaign, "word " * 40_000, "")
    start(page, live_server)
    expect(page.get_by_text("This answer is empty.")).to_be_visible()
    page.keyboard.press("d")
    page.get_by_text("of the words differ").wait_for()
    page.keyboard.press("9")
    page.get_by_text("Saved: both bad.").wait_for()
    assert Preference.objects.get().choice == "both_bad"


def test_a_right_to_left_page_keeps_its_sides(page, live_server):
    campaign = make_campaign(tasks=1)
    write(campaign, "حافظ على الساعة نفسها كل يوم", "اقرأ قليلًا ثم نم")
    page.set_viewport_size({"width": 390, "height": 844})
    start(page, live_server)
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.pair .prose p')).direction")
        == "rtl"
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_differences_are_shown_and_hidden_with_a_key(page, live_server):
    campaign = make_campaign(tasks=2)
    write(campaign, "The cat sat.", "The dog sat.")
    start(page, live_server)
    page.keyboard.press("d")
    page.locator("mark").first.wait_for()
    expect(page.locator("mark")).to_have_count(2)
    assert sorted(page.locator("mark").all_inner_texts()) == ["cat", "dog"]  # in either order
    page.keyboard.press("d")
    page.locator("mark").first.wait_for(state="detached")
    press(page, "1")
    expect(page.locator("mark")).to_have_count(0)


def test_practice_tells_the_known_answer_and_ends_undo(page, live_server):
    campaign = make_campaign(tasks=1)
    task = campaign.tasks.get()
    GoldItem.objects.create(
        campaign=campaign, comparison=task.comparison, choice="tie", mode="training",
        explanation="They say **the same**.",
    )  # fmt: skip
    start(page, live_server)
    page.keyboard.press("1")
    page.get_by_role("heading", name="The gold answer is another one: about equal").wait_for()
    expect(page.locator("#lesson strong")).to_have_text("the same")
    page.keyboard.press("Enter")
    expect(page.locator("#lesson")).to_be_hidden()
    expect(page.locator("#undo")).to_be_hidden()
    token = Assignment.objects.get().token
    answer = page.goto(f"{live_server.url}/annotate/undo/{token}/")
    assert answer.status == 409


def test_keys_can_be_chosen_anew(page, live_server):
    make_campaign(tasks=3)
    start(page, live_server)
    page.keyboard.press("?")
    page.get_by_text("Choose other keys").click()
    page.locator("[data-own='1']").fill("q")
    page.locator("[data-own='2']").fill("q")
    page.locator("#own-keys").get_by_role("button", name="Save").click()
    page.get_by_text("Each needs a key of its own").wait_for()
    page.locator("[data-own='2']").fill("w")
    page.locator("#own-keys").get_by_role("button", name="Save").click()
    page.get_by_text("Saved in this browser.").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    assert Preference.objects.count() == 0
    press(page, "w")
    page.get_by_text("Saved: Answer 2 better.").wait_for()
