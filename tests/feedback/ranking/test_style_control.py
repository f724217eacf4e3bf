"""The leaderboard with style held equal: rated, kept, said over REST and on the page."""

import pytest
from django.db.models import QuerySet
from django.test import Client

from feedback.pool.models import Comparison
from feedback.ranking import services, views
from feedback.ranking.models import RankingCheck, StyledBoard
from feedback.ranking.selectors import leaderboard
from feedback.ranking.services import check_refresh, styled_boards_refresh
from feedback.ranking.style_control import styled_leaderboard
from feedback.registry.models import ModelVersion
from tests.feedback.builders import judge, make_contributor, make_response, make_turn, make_version
from tests.markup import tight

pytestmark = pytest.mark.django_db

WORDS = "word " * 40


def judged(a: ModelVersion, b: ModelVersion, lengths: tuple[int, int], choice: str) -> None:
    turn = make_turn()
    one = make_response(turn, a, WORDS * lengths[0])
    two = make_response(turn, b, WORDS * lengths[1])
    comparison = Comparison.objects.create(
        turn=turn, response_a=one, response_b=two, version_a=a, version_b=b
    )
    judge(comparison, make_contributor(), choice)


@pytest.fixture
def longwinded() -> None:
    """Long and Brief are as good as each other, but the longer answer wins three times in four."""
    long, brief = make_version("Long"), make_version("Brief")
    for game in range(40):
        lengths = (3, 1) if game % 8 else (1, 3)
        longer, shorter = ("a", "b") if lengths[0] > lengths[1] else ("b", "a")
        judged(long, brief, lengths, shorter if game % 4 == 3 else longer)


def test_style_explains_what_ratings_would(longwinded: None) -> None:
    plain = {row.model: row.rating for row in leaderboard().rows}
    board = styled_leaderboard()
    styled = {row.model: row.rating for row in board.rows}
    assert plain["Long"] - plain["Brief"] > 80
    assert abs(styled["Long"] - styled["Brief"]) < abs(plain["Long"] - plain["Brief"]) / 2
    length = board.effects[0]
    assert length.coefficient is not None
    assert length.coefficient > 0.3
    assert [effect.coefficient for effect in board.effects[1:]] == [None, None, None]
    assert (board.judgments, board.texts, board.updated_at) == (40, 40, None)


def test_the_api_gives_the_styled_ratings_in_the_same_shape(
    longwinded: None, client: Client
) -> None:
    plain = client.get("/api/v1/leaderboard/").json()
    styled = client.get("/api/v1/leaderboard/", {"style_control": "true"}).json()
    assert [set(row) for row in styled] == [set(row) for row in plain]
    assert {row["model"] for row in styled} == {"Long", "Brief"}
    assert styled != plain
    for off in ("false", "0", ""):
        assert client.get("/api/v1/leaderboard/", {"style_control": off}).json() == plain
    unknown = client.get("/api/v1/leaderboard/", {"style_control": "1", "topic": "none"})
    assert (unknown.status_code, list(unknown.json()["error"]["fields"])) == (400, ["topic"])
    people = {"style_control": "true", "rater_kind": "human"}
    assert client.get("/api/v1/leaderboard/", people).json() == styled
    nobody = {"style_control": "true", "rater_kind": "ai"}
    assert client.get("/api/v1/leaderboard/", nobody).json() == []


def test_a_large_board_is_kept_and_rated_anew_only_when_the_counts_changed(
    longwinded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = styled_leaderboard()
    assert styled_boards_refresh() == 0
    monkeypatch.setattr(services, "WHILE_WAITING", 0)
    assert styled_boards_refresh() == 2  # all raters, people
    board = styled_leaderboard()
    assert board.updated_at is not None
    assert board.rows == live.rows
    assert board.effects == live.effects
    assert styled_boards_refresh() == 0
    judged(*_versions(), (1, 2), "a")
    assert styled_leaderboard().judgments == 40  # until beat comes by
    assert styled_boards_refresh() == 2
    assert styled_leaderboard().judgments == 41
    monkeypatch.setattr(services, "WHILE_WAITING", 1000)
    assert styled_boards_refresh() == 0
    assert StyledBoard.objects.count() == 0


def _versions() -> QuerySet[ModelVersion]:
    return ModelVersion.objects.order_by("label")


def test_the_page_says_what_style_adds(
    longwinded: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "JUDGMENTS_WANTED", 10)
    page = tight(client.get("/leaderboard/?style_control=true").content.decode())
    assert "Style is corrected for by the texts of 40 of them." in page
    assert "the answer that is twice as long wins" in page
    assert page.count("unknown") >= 3
    assert 'value="true" checked' in page
    assert "style=" not in page
    plain = tight(client.get("/leaderboard/").content.decode())
    assert "twice as long" not in plain
    assert 'value="true" checked' not in plain


def test_without_texts_the_page_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "JUDGMENTS_WANTED", 1)
    a, b = make_version("A"), make_version("B")
    for choice in "abaabababbaa":
        comparison = Comparison.objects.create(turn=make_turn(), version_a=a, version_b=b)
        judge(comparison, make_contributor(), choice)
    page = client.get("/leaderboard/?style_control=true").content.decode()
    assert "None of these judgments has texts" in page
    assert [row.rating for row in styled_leaderboard().rows] == pytest.approx(
        [row.rating for row in leaderboard().rows]
    )


def test_nothing_judged_is_an_empty_board(client: Client) -> None:
    assert styled_leaderboard().rows == ()
    assert "No ranking yet" in client.get("/leaderboard/?style_control=true").content.decode()
    assert check_refresh() is None


def test_the_check_is_kept_and_said(
    longwinded: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "JUDGMENTS_WANTED", 10)
    assert "How sure is this?" not in client.get("/leaderboard/").content.decode()
    for _ in range(2):
        assert check_refresh() is not None
    assert RankingCheck.objects.count() == 1
    report = RankingCheck.objects.get().report
    assert set(report) == {"bootstrap", "transitivity", "elo"}
    page = client.get("/leaderboard/").content.decode()
    assert "How sure is this?" in page
    assert "No three models have been compared 10 times each" in page
    assert "Elo stands here for comparison only" in page
    assert "How sure is this?" not in client.get("/leaderboard/?rater_kind=human").content.decode()


def test_cycles_are_counted_and_said(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "JUDGMENTS_WANTED", 10)
    stone, scissors, paper = (make_version(name) for name in ("Stone", "Scissors", "Paper"))
    for a, b in ((stone, scissors), (scissors, paper), (paper, stone)):
        for game in range(20):
            judged(a, b, (1, 1), "b" if game < 2 else "a")
    check_refresh()
    page = client.get("/leaderboard/").content.decode()
    assert "Of 1 triads of models compared at least 10 times each, 1 is cyclic" in page
    assert "A single rating per model does not fully explain" in page


def test_who_is_hardly_judged_is_listed_without_a_place(
    longwinded: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "JUDGMENTS_WANTED", 10)
    long = ModelVersion.objects.get(label="Long")
    judged(long, make_version("Newcomer"), (1, 1), "a")
    page = client.get("/leaderboard/").content.decode()
    table, rest = page.split("Too few judgments for a rank")
    assert "Newcomer" in rest
    assert "Newcomer" not in table
    assert ">1–2</td>" in table or (">1</td>" in table and ">2</td>" in table)


def test_a_topic_without_enough_votes_says_how_many_there_are(client: Client) -> None:
    from feedback.registry.models import Topic

    turn = make_turn()
    turn.topics.add(Topic.objects.create(slug="law", name="Law"))
    a, b = make_version("A"), make_version("B")
    judge(Comparison.objects.create(turn=turn, version_a=a, version_b=b), make_contributor(), "tie")
    for query in ("topic=law", "topic=law&style_control=true"):
        page = client.get(f"/leaderboard/?{query}").content.decode()
        assert "No ranking for Law yet: 1 of 300 judgments." in page
