"""What is the same row, the same prompt, the same pair, the same rater."""

from pathlib import Path

import pytest
from django.db.models import Sum

from feedback.people.models import Rater
from feedback.pool.models import Comparison, Preference, Response, Turn
from feedback.ranking.models import VoteTally
from feedback.registry.models import LanguageModel
from tests.feedback.builders import judge, make_comparison, make_contributor
from tests.feedback.importing.files import import_file, pool_size, vote, write_rows

pytestmark = pytest.mark.django_db


def test_a_row_is_known_by_its_identifier_though_the_file_has_moved_on(tmp_path: Path) -> None:
    rows = [vote(external_id=str(n), rater_id=f"r{n}") for n in range(3)]
    import_file(write_rows(tmp_path / "a.jsonl", rows[:2]), source="S")
    again = import_file(write_rows(tmp_path / "b.jsonl", rows[::-1]), source="S")
    assert again["created"] == {"raters": 1, "preferences": 1}
    assert again["duplicates"] == 2


def test_identical_rows_without_a_name_are_as_many_people(tmp_path: Path) -> None:
    row = {k: v for k, v in vote().items() if k != "rater_id"}
    file = write_rows(tmp_path / "votes.jsonl", [row, row, row | {"choice": "b"}])
    assert import_file(file)["created"]["preferences"] == 3
    assert Rater.objects.count() == 3
    again = import_file(file)
    assert (again["created"], again["duplicates"]) == ({}, 3)


def test_a_rater_judges_a_comparison_once(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "votes.jsonl", [vote(), vote(choice="b")])
    result = import_file(file)
    assert result["skipped"] == {"already judged by this rater": 1}
    assert Preference.objects.get().choice == "a"


def test_swapped_sides_are_the_same_comparison_and_the_judgment_follows(tmp_path: Path) -> None:
    first = vote()
    swapped = vote(
        rater_id="ben",
        response_a=first["response_b"],
        response_b=first["response_a"],
        model_a="Beta",
        model_b="Alpha",
        choice="a",
        order_shown="ab",
        aspects={"clear": "a", "warm": "tie"},
    )
    import_file(write_rows(tmp_path / "votes.jsonl", [first, swapped]))
    assert Comparison.objects.count() == 1
    preference = Preference.objects.get(rater__label="ben")
    assert (preference.choice, preference.order_shown) == ("b", "ba")
    assert preference.aspects == {"clear": "b", "warm": "tie"}


def test_two_files_share_prompts_and_responses(tmp_path: Path) -> None:
    import_file(write_rows(tmp_path / "pairs.jsonl", [vote()]))
    answer = {"prompt": "What is a fugue?", "model": "Alpha", "licence": "MIT"}
    rows = [
        answer | {"response": "A piece for several voices."},
        answer | {"response": "A chase of voices."},
    ]
    result = import_file(write_rows(tmp_path / "answers.jsonl", rows), "responses")
    assert result["created"] == {"responses": 1}
    assert result["duplicates"] == 1
    assert Turn.objects.count() == 1
    samples = Response.objects.filter(version__label="Alpha").order_by("sample_index")
    assert [response.text for response in samples] == [row["response"] for row in rows]


def test_one_wording_under_two_question_ids_is_two_prompts(tmp_path: Path) -> None:
    rows = [{"prompt": "2+2?", "question_id": q, "model": "Alpha", "score": 1} for q in "xy"]
    import_file(write_rows(tmp_path / "scores.jsonl", rows), "outcomes")
    assert Turn.objects.count() == 2


def test_another_score_of_the_same_model_on_the_same_prompt_is_not_guessed(tmp_path: Path) -> None:
    rows = [{"prompt": "2+2?", "model": "Alpha", "score": score} for score in (1, 1, 0)]
    result = import_file(write_rows(tmp_path / "scores.jsonl", rows), "outcomes")
    assert result["created"]["outcomes"] == result["duplicates"] == 1
    assert result["skipped"] == {"already scored": 1}


def test_names_with_one_slug_are_models_of_their_own(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "votes.jsonl", [vote(model_a="GPT 4", model_b="gpt-4")])
    import_file(file)
    assert LanguageModel.objects.values("slug").distinct().count() == 2


def test_a_rater_stays_of_one_kind(tmp_path: Path) -> None:
    other = {"response_b": "A dance.", "rater_kind": "ai"}
    result = import_file(write_rows(tmp_path / "votes.jsonl", [vote(), vote(**other)]))
    assert result["created"]["preferences"] == 1
    assert result["skipped"] == {"rater of another kind": 1}


def test_judgments_of_this_pool_that_come_back_are_known(tmp_path: Path) -> None:
    preference = judge(make_comparison(), make_contributor())
    size = pool_size()
    result = import_file(write_rows(tmp_path / "export.jsonl", [vote(id=preference.public_id)]))
    assert (result["created"], result["duplicates"]) == ({}, 1)
    assert pool_size() == size


def test_rankings_count_what_is_imported(tmp_path: Path) -> None:
    rows = [vote(rater_id=str(n), choice="a" if n < 7 else "tie") for n in range(10)]
    import_file(write_rows(tmp_path / "votes.jsonl", rows))
    totals = VoteTally.objects.values_list("outcome").annotate(Sum("n"))
    assert sorted(n for _, n in totals) == [3, 7]
    assert dict(totals)["tie"] == 3


def test_a_judgment_without_a_licence_says_so(tmp_path: Path) -> None:
    row = {k: v for k, v in vote().items() if k != "licence"}
    import_file(write_rows(tmp_path / "votes.jsonl", [row]))
    assert Preference.objects.get().licence == "unknown"


def test_what_is_imported_is_public_at_once(
    tmp_path: Path, django_capture_on_commit_callbacks
) -> None:
    """Nobody of this site has to think again about it: no page and no minute has to pass."""
    with django_capture_on_commit_callbacks(execute=True):
        import_file(write_rows(tmp_path / "votes.jsonl", [vote(), vote(rater_id="ben")]))
    assert Preference.objects.published().count() == 2
