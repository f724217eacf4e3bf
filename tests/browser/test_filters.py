"""Filters of the leaderboard and of the Data page swap their part and change the address."""

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from pytest_django import Settings

from feedback.ranking.services import check_refresh
from tests.browser.test_accessibility import findings
from tests.feedback.builders import judge, make_comparison, make_contributor, make_version

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def judged(settings: Settings) -> None:
    """Enough human judgments for a ranking, public at once."""
    settings.PUBLICATION_DELAY_SECONDS = 0
    one, two, alice = make_version("One"), make_version("Two"), make_contributor()
    for number in range(300):
        judge(make_comparison(None, one, two), alice, "b" if number % 3 else "a")


def test_the_leaderboard_is_filtered_in_place(page: "Page", live_server, judged) -> None:
    page.goto(f"{live_server.url}/leaderboard/")
    page.get_by_role("link", name="Two").wait_for()
    page.get_by_label("Judged by").select_option("ai")
    page.get_by_text("No ranking yet: 0 of 300 judgments.").wait_for()
    expect(page.locator("#board")).to_have_count(1)
    expect(page).to_have_url(re.compile("rater_kind=ai"))
    page.get_by_label("Judged by").select_option("human")
    page.get_by_role("link", name="Two").wait_for()
    expect(page.locator("#board")).to_have_count(1)


def test_style_is_held_equal_in_place_and_readable_by_all(
    page: "Page", live_server, judged
) -> None:
    check_refresh()
    page.goto(f"{live_server.url}/leaderboard/")
    page.get_by_text("How sure is this?").click()
    page.get_by_text("Elo stands here for comparison only").wait_for()
    assert findings(page, "leaderboard") == []
    page.get_by_label("Correct for length and style").check()
    page.get_by_role("heading", name="What style adds").wait_for()
    expect(page).to_have_url(re.compile("style_control=true"))
    expect(page.locator("#board")).to_have_count(1)
    assert findings(page, "leaderboard, style held equal") == []
    page.get_by_label("Correct for length and style").uncheck()
    page.get_by_text("How sure is this?").wait_for()


def test_the_preview_of_an_export_follows_the_form(page: "Page", live_server, judged) -> None:
    page.goto(f"{live_server.url}/data/")
    page.get_by_text('"rater_kind": "human"').first.wait_for()
    page.get_by_label("Shape").select_option("votes")
    page.get_by_role("link", name="Download votes.jsonl").wait_for()
    page.get_by_text('"winner": "model_a"').first.wait_for()
    page.get_by_label("Judged by").select_option("ai")
    page.get_by_text("No rows match.").wait_for()
    expect(page.locator("#export")).to_have_count(1)
