"""The leaderboard of the imported LLMFAO votes against evalica's published table."""

import csv
from pathlib import Path

import pytest
from django.core.management import call_command

from feedback.ranking.selectors import leaderboard

pytestmark = pytest.mark.django_db


def test_the_leaderboard_equals_evalicas_golden_table(shared_data: Path) -> None:
    call_command(
        "import_data",
        shared_data / "llmfao_votes.parquet",
        format="preferences",
        profile=Path("llmfao_votes"),
    )
    board = leaderboard(rater_kind="human")
    strengths = {row.model: 10 ** ((row.rating - 1000) / 400) for row in board.rows}
    total = sum(strengths.values())
    with (shared_data / "reference_tables" / "llmfao_golden_evalica.csv").open() as file:
        golden = {
            row["item"]: float(row["score"])
            for row in csv.DictReader(file)
            if row["algorithm"] == "bradley_terry"
        }
    assert board.judgments == 8931
    assert set(strengths) == set(golden)
    scale = sum(golden.values())
    for model, score in golden.items():
        # evalica stops when no strength moves by more than 1e-6.
        assert strengths[model] / total == pytest.approx(score / scale, abs=2e-6)
