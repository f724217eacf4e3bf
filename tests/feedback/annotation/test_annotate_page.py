"""The Annotate page without JavaScript: every step is a form and a page."""

from datetime import timedelta

import pytest
from django.utils import timezone

from feedback.campaigns.models import Assignment, CampaignState, Task
from feedback.pool.models import Preference, Turn
from tests.feedback.annotation.campaigns import make_campaign
from tests.markup import tight

JUDGE, SKIP, NEXT = "/annotate/task/judge/", "/annotate/task/skip/", "/annotate/task/next/"
MORE, AGAIN = "/annotate/task/more/", "/annotate/task/again/"


@pytest.fixture
def browser(alice, client_of):
    return client_of(alice)


def page_of(browser, path="/annotate/"):
    answer = browser.get(path)
    assert answer.status_code == 200
    return tight(answer.content.decode())


def form_of(browser, **fields):
    assignment = Assignment.objects.filter(state="live").order_by("created_at").first()
    return {"assignment": assignment.token, "key": "page-1", "choice": "1"} | fields


def test_the_page_is_blind_and_says_how_far_one_is(browser):
    make_campaign(guidelines="Prefer *truth*.")
    page = page_of(browser)
    assert page.count("<h1") == 1
    assert "<em>truth</em>" in page
    assert "2 left" in page
    assert "</span> judged today" in page
    for name in Task.objects.values_list(
        "comparison__version_a__label", "comparison__version_b__label"
    )[0]:
        assert name not in page


def test_judging_goes_to_the_next_and_says_what_was_saved(browser):
    make_campaign()
    page_of(browser)
    answer = browser.post(JUDGE, form_of(browser, choice="2"))
    token = Assignment.objects.get(state="submitted").token
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/annotate/?saved={token}")
    page = page_of(browser, answer.headers["Location"])
    assert '<span role="status" id="said">Saved: Answer 2 better.</span>' in page
    assert f'href="/annotate/undo/{token}/"' in page
    assert token not in page.partition('id="task"')[2].partition("</section>")[0]


def test_pressing_twice_saves_once(browser):
    make_campaign()
    page_of(browser)
    form = form_of(browser)
    for _ in range(2):
        assert browser.post(JUDGE, form).status_code == 303
    assert Preference.objects.count() == 1


def test_undo_shows_the_old_choice_which_counts_until_superseded(browser):
    make_campaign()
    page_of(browser)
    browser.post(JUDGE, form_of(browser, choice="tie"))
    token = Assignment.objects.get(state="submitted").token
    page = page_of(browser, f"/annotate/undo/{token}/")
    assert 'value="tie" class="tie" aria-pressed="true"' in page
    assert "You judged: about equal. It stays in effect until you choose again." in page
    assert Preference.objects.get().state == "active"
    browser.post(JUDGE, {"assignment": token, "key": "page-2", "choice": "both_bad", "revise": "1"})
    states = dict(Preference.objects.values_list("choice", "state"))
    assert states == {"tie": "superseded", "both_bad": "active"}


def test_skipping_takes_a_reason_and_brings_another(browser):
    make_campaign()
    page_of(browser)
    form = form_of(browser, reason="broken")
    answer = browser.post(SKIP, form)
    assert answer.status_code == 303
    assert "Skipped." in page_of(browser, answer.headers["Location"])
    skipped = Assignment.objects.get(token=form["assignment"])
    assert (skipped.state, skipped.skip_reason) == ("skipped", "broken")
    assert browser.post(SKIP, form_of(browser, reason="bored")).status_code == 400


def test_a_hold_that_ran_out_is_said_and_can_be_taken_again(browser):
    make_campaign(tasks=1)
    page_of(browser)
    form = form_of(browser)
    Assignment.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = browser.post(JUDGE, form)
    page = page_of(browser, answer.headers["Location"])
    assert "Your reservation expired, so this judgment was not saved." in page
    assert "Reclaim the task." in page
    assert not Preference.objects.exists()
    assert browser.post(AGAIN, {"again": form["assignment"]}).status_code == 303
    page_of(browser)
    browser.post(JUDGE, form_of(browser))
    assert Preference.objects.count() == 1


def test_the_script_gets_receipts_and_errors_as_json(browser):
    make_campaign(tasks=1)
    page_of(browser)
    form = form_of(browser)
    json = {"Accept": "application/json"}
    saved = browser.post(JUDGE, form, headers=json)
    again = browser.post(JUDGE, form, headers=json)
    conflict = browser.post(JUDGE, form | {"choice": "2"}, headers=json)
    assert (saved.status_code, again.status_code, conflict.status_code) == (201, 200, 409)
    assert saved.json() == again.json()
    assert saved.json()["said"] == "Saved: Answer 1 better."
    assert conflict.json()["error"]["code"] == "idempotency_conflict"


def test_the_next_task_is_another_than_those_the_page_has(browser):
    make_campaign(tasks=2)
    page_of(browser)
    held = form_of(browser)["assignment"]
    fragment = browser.post(NEXT, {"held": [held]}).content.decode()
    assert 'id="task"' in fragment
    assert held not in fragment
    tokens = list(Assignment.objects.values_list("token", flat=True))
    nothing = browser.post(NEXT, {"held": tokens}).content.decode()
    assert "Nothing to judge right now." in nothing


def test_a_campaign_that_asks_more_opens_a_longer_form(browser):
    make_campaign(aspects=["helpful", "short"], asks_strength=True, asks_rationale=True)
    page_of(browser)
    asked = browser.post(MORE, form_of(browser, choice="2")).content.decode()
    assert "You chose: Answer 2 better" in asked.replace("</h2>", "")
    assert 'name="aspect:helpful"' in asked
    assert 'name="strength"' in asked
    tie = browser.post(MORE, form_of(browser, choice="tie")).content.decode()
    assert 'name="strength"' not in tie
    browser.post(
        JUDGE,
        form_of(
            browser,
            choice="2",
            strength="3",
            rationale="It answers.",
            **{"aspect:helpful": "2", "aspect:short": "tie"},
        ),
    )
    preference = Preference.objects.get()
    second = preference.order_shown[1]
    assert (preference.choice, preference.strength) == (second, 3)
    assert preference.aspects == {"helpful": second, "short": "tie"}
    assert preference.rationale == "It answers."


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (CampaignState.OPEN, "Nothing to judge right now."),
        (CampaignState.PAUSED, "This campaign is paused."),
        (CampaignState.CLOSED, "This campaign is finished. Thank you."),
    ],
)
def test_having_nothing_to_judge_is_said_by_its_reason(browser, state, words):
    make_campaign(tasks=0, state=state)
    assert words in page_of(browser, "/annotate/advice/")
    assert "Nothing to judge right now." in page_of(browser)


def test_a_long_prompt_folds_and_a_conversation_shows_its_last_message(browser):
    make_campaign(tasks=1)
    Turn.objects.update(
        messages=[
            {"role": "user", "content": "First question"},
            {"role": "assistant", "content": "First answer"},
            {"role": "user", "content": "A line\n" * 20},
        ]
    )
    page = page_of(browser)
    assert 'class="prompt fold"' in page
    assert "Earlier in this conversation" in page
    assert page.index("First answer") < page.index('class="prompt fold"')


def test_what_models_wrote_cannot_act(browser):
    campaign = make_campaign(tasks=1)
    response = campaign.tasks.get().comparison.response_a
    response.text = '<script>alert(1)</script> <b hx-get="/x">b</b> [l](javascript:alert(1)) ![](http://e/x.png)'
    response.save()
    task = page_of(browser).partition('class="pair"')[2].partition('id="more"')[0]
    assert "<script" not in task
    assert "<b " not in task
    assert 'href="javascript' not in task
    assert "<img" not in task
    assert task.count("hx-disable") == 2


@pytest.mark.parametrize("path", ["/annotate/nosuch/", "/annotate/undo/nope/"])
def test_what_is_not_there_is_404(browser, path):
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize("path", [JUDGE, SKIP, NEXT, MORE, AGAIN, "/annotate/task/renew/"])
def test_only_contributors_write_and_only_by_post(browser, stranger, path):
    assert browser.get(path).status_code == 405
    assert stranger.post(path).headers["Location"].startswith("/terms/")


def test_a_judgment_of_someone_else_is_not_there(browser, bob, client_of):
    make_campaign()
    page_of(browser)
    form = form_of(browser)
    assert client_of(bob).post(JUDGE, form).status_code == 404


def test_a_reason_is_one_of_the_list_where_the_campaign_has_one(browser):
    make_campaign(tasks=2, reasons=["It is wrong", "It is long"])
    page_of(browser)
    form = form_of(browser, reasons=["It is wrong", "I dislike it"])
    refused = browser.post(JUDGE, form, headers={"Accept": "application/json"})
    assert refused.status_code == 400
    assert list(refused.json()["error"]["fields"]) == ["reasons"]
    assert not Preference.objects.exists()
    assert browser.post(JUDGE, form | {"reasons": ["It is wrong"]}).status_code == 303
    assert Preference.objects.get().reasons == ["It is wrong"]


def test_without_a_list_a_reason_may_be_in_any_words(browser):
    make_campaign()
    page_of(browser)
    assert browser.post(JUDGE, form_of(browser, reasons=["I dislike it"])).status_code == 303
    assert Preference.objects.get().reasons == ["I dislike it"]
