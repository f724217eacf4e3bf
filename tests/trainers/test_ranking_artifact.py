"""What `python -m trainers ranking` writes of a snapshot with texts, in this process."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.trainers.leagues import League, styled_league
from tests.trainers.pools import judgment, pair_record
from trainers.artifacts import Artifact
from trainers.data.formats import PairRecord
from trainers.data.snapshot import Snapshot
from trainers.data.snapshot.build import build_snapshot
from trainers.data.style import relative_difference, style_counts
from trainers.progress import Progress
from trainers.ranking.config import RankingConfig
from trainers.ranking.style_control import fit_styled
from trainers.ranking.train import train
from trainers.ranking.votes import read_styled

VOTES = 400


def text(rng: np.random.Generator) -> str:
    lines = ["# A heading", "- an item of a list", "some words", "**bold** words", "", "1. one"]
    return "\n".join(rng.choice(lines, rng.integers(1, 30)))


def records(league: League, texts: list[tuple[str, str]]) -> Iterator[PairRecord]:
    """The league's votes on made-up texts; the last twenty come without."""
    for number, pair in enumerate(texts):
        a, b = league.names[league.first[number]], league.names[league.second[number]]
        choice = ["a", "b", "tie"][league.outcome[number]]
        known = pair if number < VOTES - 20 else (None, None)
        yield pair_record(
            f"Question {number}" if known[0] else "",
            known,
            model_a=a,
            model_b=b,
            question_id=f"q{number}",
            judgments=(judgment("rater", choice),),
        )


@pytest.fixture(scope="module")
def texts() -> list[tuple[str, str]]:
    rng = np.random.default_rng(8)
    return [(text(rng), text(rng)) for _ in range(VOTES)]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]]) -> Snapshot:
    league = styled_league(np.random.default_rng(7), models=4, votes=VOTES, c=(0, 0, 0, 0))
    out = tmp_path_factory.mktemp("styled") / "snapshot"
    build_snapshot(records(league, texts), out, filters={})
    return Snapshot.open(out)


@pytest.fixture(scope="module")
def artifact(snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    out = tmp_path_factory.mktemp("rankings") / "first"
    return train(snapshot, out, RankingConfig(), Progress(io.StringIO()))


def test_the_snapshots_texts_are_counted_and_summed_up(
    snapshot: Snapshot, texts: list[tuple[str, str]]
) -> None:
    found = read_styled(snapshot, RankingConfig())
    assert found.texts == VOTES - 20
    assert found.counts.n.sum() == VOTES
    sides = [np.array([style_counts(pair[side]) for pair in texts[:-20]], float) for side in (0, 1)]
    f = relative_difference(*sides)
    np.testing.assert_allclose(found.scale(), np.sqrt((f**2).mean(axis=0)), rtol=1e-6)


def test_the_metrics_hold_style_bootstrap_transitivity_and_elo(
    artifact: Artifact, snapshot: Snapshot
) -> None:
    metrics = artifact.card["metrics"]
    assert set(metrics) == {"models", "style", "bootstrap", "transitivity", "elo"}
    style = metrics["style"]
    assert style["texts"] == VOTES - 20
    assert [row["feature"] for row in style["coefficients"]] == [
        "length",
        "headers",
        "bold",
        "lists",
    ]
    for row in style["coefficients"]:
        assert row["ci_low"] < row["coefficient"] < row["ci_high"]
    assert [row["model"] for row in style["models"]] == [
        rating.model for rating in fit_styled(read_styled(snapshot, RankingConfig())).ratings
    ]
    assert metrics["bootstrap"]["largest_gap"] > 0
    assert metrics["transitivity"]["pairs"] == 6
    assert {row["model"] for row in metrics["elo"]["models"]} == {
        row["model"] for row in metrics["models"]
    }


def test_the_same_seed_gives_the_same_checks(
    artifact: Artifact, snapshot: Snapshot, tmp_path: Path
) -> None:
    again = train(snapshot, tmp_path / "again", RankingConfig(), Progress(io.StringIO()))
    other = train(snapshot, tmp_path / "other", RankingConfig(seed=1), Progress(io.StringIO()))
    assert again.card["metrics"] == artifact.card["metrics"]
    assert other.card["metrics"]["models"] == artifact.card["metrics"]["models"]
    assert other.card["metrics"]["elo"] != artifact.card["metrics"]["elo"]
