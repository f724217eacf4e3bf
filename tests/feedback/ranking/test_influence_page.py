"""How few judgments hold the first place: kept, shown beside the leaderboard, true."""

import pytest
from django.test import Client

from feedback.ranking import views
from feedback.ranking.influence import (
    influence_current,
    influence_refresh,
    influential_judgments,
)
from feedback.ranking.selectors import leaderboard
from tests.feedback.builders import judge, make_comparison, make_contributor, make_version, withdraw

pytestmark = pytest.mark.django_db


@pytest.fixture
def close_race() -> None:
    """First wins 12 of 20 against Second; both beat Third alike."""
    first, second, third = (make_version(name) for name in ("First", "Second", "Third"))
    for pair, won in (((first, second), 12), ((first, third), 9), ((third, second), 3)):
        for game in range(20 if won == 12 else 12):
            comparison = make_comparison(version_a=pair[0], version_b=pair[1])
            judge(comparison, make_contributor(), "a" if game < won else "b")


def test_dropping_what_is_listed_changes_who_is_first(close_race: None) -> None:
    assert leaderboard().rows[0].model == "First"
    found = influence_refresh()
    assert found is not None
    assert (found.leader, found.challenger) == ("First", "Second")
    listed = influential_judgments(found)
    assert len(listed) == found.dropped
    assert found.dropped is not None
    for preference in listed:
        contributor = preference.rater.contributor
        assert contributor is not None
        withdraw(preference, contributor)
    ratings = {row.model: row.rating for row in leaderboard().rows}
    assert ratings["Second"] >= ratings["First"] - 1e-6


def test_the_sentence_stands_by_the_leaderboard(
    close_race: None, stranger: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "JUDGMENTS_WANTED", 10)
    found = influence_refresh()
    assert found is not None
    page = stranger.get("/leaderboard/").content.decode()
    assert f"Without {found.dropped} of 44 judgments, Second would be first." in page
    filtered = stranger.get("/leaderboard/?rater_kind=human").content.decode()
    assert "would be first" not in filtered


def test_nothing_to_rank_is_nothing_to_say() -> None:
    assert influence_refresh() is None
    assert influence_current() is None
