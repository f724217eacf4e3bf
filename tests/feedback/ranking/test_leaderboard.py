"""The leaderboard: what the vote counts hold, what people and programs are shown."""

import pytest
from django.test import Client

from feedback.people.models import Rater
from feedback.pool.models import Comparison
from feedback.ranking.models import VoteTally
from feedback.ranking.selectors import leaderboard, pair_counts
from feedback.ranking.services import vote_counts_compact
from feedback.registry.models import Topic
from tests.feedback.builders import (
    judge,
    make_comparison,
    make_contributor,
    make_turn,
    make_version,
    withdraw,
)

pytestmark = pytest.mark.django_db


def votes() -> dict[tuple[str, str, float], float]:
    """Judgments by (first, second, score of the first)."""
    counts = pair_counts()
    rows = zip(counts.first, counts.second, counts.score, counts.n, strict=True)
    return {(counts.models[a], counts.models[b], s): n for a, b, s, n in rows}


def test_a_judgment_counts_from_either_side() -> None:
    strong, weak, alice = make_version("Strong"), make_version("Weak"), make_contributor()
    judge(make_comparison(None, strong, weak), alice, "a")
    judge(make_comparison(None, weak, strong), alice, "b")
    judge(make_comparison(None, strong, weak), alice, "tie")
    judge(make_comparison(None, weak, strong), alice, "both_bad")
    board = leaderboard()
    assert [row.model for row in board.rows] == ["Strong", "Weak"]
    assert (board.judgments, board.rows[0].n) == (4, 4)


def test_a_change_of_mind_and_a_withdrawal_leave_the_counts() -> None:
    alice, comparison = make_contributor(), make_comparison()
    first = judge(comparison, alice, "a")
    second = judge(comparison, alice, "tie", supersedes=first)
    assert list(votes().values()) == [1]
    assert next(iter(votes()))[2] == 0.5
    withdraw(second, alice)
    assert votes() == {}


def test_folding_changes_rows_and_no_count() -> None:
    one, two = make_version(), make_version()
    for _ in range(5):
        judge(make_comparison(None, one, two), make_contributor(), "a")
    before = votes()
    assert VoteTally.objects.count() == 5
    assert vote_counts_compact() == 1
    assert votes() == before


def test_a_comparison_that_names_its_model_does_not_rank() -> None:
    comparison = make_comparison()
    Comparison.objects.update(unranked_reason="names_model")
    judge(comparison, make_contributor(), "a")
    assert leaderboard().rows == ()


def test_a_topic_and_a_kind_of_rater_have_their_own_board(client: Client) -> None:
    turn = make_turn()
    turn.topics.add(Topic.objects.create(slug="law", name="Law"))
    judge(make_comparison(turn), make_contributor(), "a")
    judge(make_comparison(), make_contributor(), "a")
    assert leaderboard().judgments == 2
    assert leaderboard(topic="law").judgments == 1
    assert leaderboard(rater_kind="human").judgments == 2
    assert leaderboard(rater_kind="ai").judgments == 0
    assert Rater.objects.count() == 2
    answer = client.get("/api/v1/leaderboard/", {"topic": "law"})
    assert {"model", "rating", "ci_low", "ci_high", "rank_low", "rank_high", "n"} <= set(
        answer.json()[0]
    )


@pytest.mark.parametrize(
    "query", [{"topic": "none"}, {"rater_kind": "ghost"}, {"style_control": "maybe"}]
)
def test_the_api_says_which_filter_is_unknown(client: Client, query: dict[str, str]) -> None:
    answer = client.get("/api/v1/leaderboard/", query)
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == list(query)


def test_the_page_shows_no_order_before_there_are_enough_judgments(client: Client) -> None:
    judge(make_comparison(), make_contributor(), "a")
    page = client.get("/leaderboard/").content.decode()
    assert "No ranking yet: 1 of 300 judgments." in page
    assert "<circle" not in page


def test_the_page_draws_an_interval_for_each_model(client: Client) -> None:
    one, two = make_version("One"), make_version("Two")
    alice = make_contributor()
    for number in range(300):
        judge(make_comparison(None, one, two), alice, "b" if number % 3 else "a")
    page = client.get("/leaderboard/").content.decode()
    assert page.index(">Two</a>") < page.index(">One</a>")
    assert page.count('class="dot"') == 4  # two models, two in the key
    assert "style=" not in page


def test_a_model_page_shows_its_record(client: Client) -> None:
    strong, weak = make_version("Strong"), make_version("Weak")
    judge(make_comparison(None, strong, weak), make_contributor(), "a")
    page = client.get("/models/strong/").content.decode()
    assert "100 %" in page
    assert client.get("/models/nobody/").status_code == 404
    assert client.get("/api/v1/models/strong/").json()["rating"]["n"] == 1
    assert len(client.get("/api/v1/models/").json()) == 2
    assert "Strong" in client.get("/models/").content.decode()
