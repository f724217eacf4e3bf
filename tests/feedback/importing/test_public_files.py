"""Every public file comes in whole, with its profile, and only once."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from feedback.hybrid.models import AIJudge
from feedback.pool.models import Comparison, Outcome, Preference, Response
from feedback.registry.models import ModelVersion
from tests.feedback.importing.files import import_file, pool_size

pytestmark = pytest.mark.django_db

FILES = {
    "llmfao_pairs": ("preferences", 400),
    "llmfao_ai_all_pairs": ("preferences", 400),
    "llmfao_responses": ("responses", 400),
    "pandalm_pairs": ("preferences", 400),
    "human_pairs": ("preferences", 400),
    "arena_human_ai_votes": ("preferences", 400),
    "ukpconv_votes": ("preferences", 2500),
    "mmlu_pro_correctness": ("outcomes", 100),
    "mmlu_pro_responses_sample": ("responses", 400),
    "routellm_mmlu_gsm8k": ("outcomes", 400),
}


@pytest.mark.parametrize("name", FILES)
def test_a_public_file_is_imported_once(name: str, shared_data: Path) -> None:
    form, limit = FILES[name]
    path = shared_data / f"{name}.parquet"
    first = import_file(path, form, profile=Path(name), limit=limit)
    size = pool_size()
    assert first["read"] == limit
    table = {"preferences": "preferences", "responses": "responses", "outcomes": "outcomes"}[form]
    assert first["created"][table] > 0.97 * limit
    second = import_file(path, form, profile=Path(name), limit=limit)
    assert second["created"] == {}
    assert second["duplicates"] == first["created"][table]
    assert second["skipped"] == first["skipped"]
    assert pool_size() == size


def test_the_votes_on_llmfao_are_all_there_with_texts_models_and_judges(shared_data: Path) -> None:
    pairs, votes = (
        import_file(shared_data / f"{name}.parquet", profile=Path(name))
        for name in ("llmfao_pairs", "llmfao_votes")
    )
    assert pairs["created"]["comparisons"] == 2139
    assert votes["created"] == {"raters": 124, "preferences": 8931}
    human = Preference.objects.filter(rater__kind="human")
    assert human.count() == 8931
    assert not human.exclude(source="LLMFAO", licence="CC-BY-4.0").exists()
    assert Comparison.objects.filter(response_a__isnull=False).count() == 2139
    assert set(AIJudge.objects.values_list("rater__label", flat=True)) == {"GPT-4", "GPT-3.5"}
    table = pq.read_table(shared_data / "llmfao_votes.parquet")
    for winner, choice in (("left", "a"), ("right", "b"), ("tie", "tie")):
        assert human.filter(choice=choice).count() == table["winner"].to_pylist().count(winner)
    assert not ModelVersion.objects.exclude(provider__kind="replay").exists()


def test_scores_of_a_wide_file_are_those_of_its_cells(shared_data: Path) -> None:
    import_file(
        shared_data / "mmlu_pro_correctness.parquet",
        "outcomes",
        profile=Path("mmlu_pro_correctness"),
        limit=50,
    )
    rows = pq.read_table(shared_data / "mmlu_pro_correctness.parquet").slice(0, 50).to_pylist()
    for model in ("Yi-34B", "mathstral-7B"):
        cells = {str(row["question_id"]): row[model] for row in rows}
        stored = Outcome.objects.filter(version__label=model).values_list(
            "turn__question_id", "score"
        )
        assert dict(stored) == {
            question: max(cell, 0) for question, cell in cells.items() if cell is not None
        }


def test_votes_without_texts_have_no_responses(shared_data: Path) -> None:
    import_file(
        shared_data / "arena_human_ai_votes.parquet",
        profile=Path("arena_human_ai_votes"),
        limit=300,
    )
    assert Comparison.objects.filter(response_a=None, version_a__isnull=False).count() == 300
    assert not Response.objects.exists()
    assert not ModelVersion.objects.exclude(provider=None).exists()
