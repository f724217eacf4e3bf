"""Filters of the leaderboard and of the Data page swap their part and change the address."""

from typing import TYPE_CHECKING

import pytest
from pytest_django import Settings

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
    assert page.locator("#board").count() == 1
    assert "rater_kind=ai" in page.url
    page.get_by_label("Judged by").select_option("human")
    page.get_by_role("link", name="Two").wait_for()
    assert page.locator("#board").count() == 1


def test_the_preview_of_an_export_follows_the_form(page: "Page", live_server, judged) -> None:
    page.goto(f"{live_server.url}/data/")
    page.get_by_text('"rater_kind": "human"').first.wait_for()
    page.get_by_label("Shape").select_option("votes")
    page.get_by_role("link", name="Download votes.jsonl").wait_for()
    page.get_by_text('"winner": "model_a"').first.wait_for()
    page.get_by_label("Judged by").select_option("ai")
    page.get_by_text("No rows match.").wait_for()
    assert page.locator("#export").count() == 1
