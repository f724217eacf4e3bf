"""The files of the starter pool: complete, readable, honest about themselves, and varied."""

import gzip
import json
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from feedback.pool.starter import derive
from trainers.data.formats import Skipped, read

FOLDER = derive.FOLDER
MAKERS = (
    "OpenAI",
    "ChatGPT",
    "Anthropic",
    "Claude",
    "Gemini",
    "Llama",
    "Mistral",
    "language model",
)
Row = dict[str, Any]


def rows_of(name: str) -> list[Row]:
    path = FOLDER / name
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in text.decode().splitlines()]


@pytest.fixture(scope="module")
def answers() -> list[Row]:
    return rows_of("responses.jsonl")


@pytest.fixture(scope="module")
def judgments() -> list[Row]:
    return rows_of("judgments.jsonl.gz")


@pytest.fixture(scope="module")
def models() -> list[Row]:
    return tomllib.loads((FOLDER / "models.toml").read_text())["models"]


def grouped(rows: Iterable[Row], key: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups


def test_there_are_enough_prompts_models_and_answers(answers: list[Row]) -> None:
    by_prompt = grouped(answers, "prompt")
    by_model = grouped(answers, "model")
    assert len(by_prompt) >= 60
    assert len(by_model) >= 6
    assert min(len(rows) for rows in by_prompt.values()) >= 5
    assert min(len(rows) for rows in by_model.values()) >= 0.6 * len(by_prompt)


def test_a_model_answers_a_prompt_once_and_no_text_occurs_twice(answers: list[Row]) -> None:
    for key in (("prompt", "model"), ("response",), ("external_id",)):
        seen = Counter(tuple(row[name] for name in key) for row in answers)
        assert seen.most_common(1)[0][1] == 1


def test_several_languages_occur_two_of_them_from_right_to_left(answers: list[Row]) -> None:
    by_prompt = {row["prompt"]: row["language"] for row in answers}
    languages = Counter(by_prompt.values())
    assert {"en", "de", "fr", "es", "ar", "he"} <= set(languages)
    assert languages.total() - languages["en"] >= 6


def test_a_prompt_has_one_topic_and_one_language(answers: list[Row]) -> None:
    for rows in grouped(answers, "prompt").values():
        assert len({(row["language"], *row["topics"]) for row in rows}) == 1


def test_no_answer_names_a_model_or_its_maker(answers: list[Row], models: list[Row]) -> None:
    names = "|".join([*(model["name"] for model in models), *MAKERS])
    telling = re.compile(rf"\b({names})\b")
    assert [row["external_id"] for row in answers if telling.search(row["response"])] == []


def test_every_model_that_answers_is_described(answers: list[Row], models: list[Row]) -> None:
    topics = {topic for row in answers for topic in row["topics"]}
    assert {model["name"] for model in models} == {row["model"] for row in answers}
    assert {topic for model in models for topic in model["topics"]} == topics


def test_the_specialist_leads_its_topic_by_a_point(answers: list[Row], models: list[Row]) -> None:
    specialist = {topic: model["name"] for model in models for topic in model["topics"]}
    assert len(set(specialist.values())) == len(specialist) == 6
    for topic, best in specialist.items():
        rows = [row for row in answers if row["topics"] == [topic]]
        means = {name: mean(r["grade"] for r in of) for name, of in grouped(rows, "model").items()}
        rest = max(value for name, value in means.items() if name != best)
        assert means[best] >= rest + 1, topic


def test_every_pair_of_answers_to_a_prompt_is_judged_by_every_editor(
    answers: list[Row], judgments: list[Row]
) -> None:
    pairs = {
        frozenset((one["response"], other["response"]))
        for rows in grouped(answers, "prompt").values()
        for one, other in combinations(rows, 2)
    }
    judged = Counter(frozenset((row["response_a"], row["response_b"])) for row in judgments)
    assert set(judged) == pairs
    assert set(judged.values()) == {len(derive.EDITORS)}


def test_every_judgment_names_the_models_of_its_answers(
    answers: list[Row], judgments: list[Row]
) -> None:
    author = {(row["prompt"], row["response"]): row["model"] for row in answers}
    for row in judgments:
        prompt = row["messages"][0]["content"]
        assert author[prompt, row["response_a"]] == row["model_a"]
        assert author[prompt, row["response_b"]] == row["model_b"]


def test_judgments_are_marked_as_made_by_no_person(judgments: list[Row]) -> None:
    assert {row["rater_kind"] for row in judgments} == {"ai"}
    assert {row["rater_id"] for row in judgments} == {editor.name for editor in derive.EDITORS}
    assert {row["source"] for row in judgments} == {"starter"}
    assert {row["licence"] for row in judgments} == {"CC0-1.0"}


def test_judgments_hold_every_choice_and_both_orders_on_every_prompt(judgments: list[Row]) -> None:
    assert {row["choice"] for row in judgments} == {"a", "b", "tie", "both_bad"}
    for row in judgments:
        assert (row["strength"] is not None) == (row["choice"] in ("a", "b"))
    orders: dict[str, set[str]] = defaultdict(set)
    for row in judgments:
        orders[row["messages"][0]["content"]].add(row["order_shown"])
    assert all(shown == {"ab", "ba"} for shown in orders.values())


def test_a_clear_difference_of_grades_decides_for_the_better_answer(
    answers: list[Row], judgments: list[Row]
) -> None:
    grade = {(row["prompt"], row["response"]): row["grade"] for row in answers}
    clear = 0
    for row in judgments:
        prompt = row["messages"][0]["content"]
        difference = grade[prompt, row["response_a"]] - grade[prompt, row["response_b"]]
        if abs(difference) >= 5:
            clear += 1
            assert row["choice"] == ("a" if difference > 0 else "b")
    assert clear > 100


def test_deriving_again_gives_the_files_that_are_here(
    answers: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "responses.jsonl").write_bytes((FOLDER / "responses.jsonl").read_bytes())
    kept = {name: (FOLDER / name).read_bytes() for name in ("outcomes.jsonl", "judgments.jsonl.gz")}
    monkeypatch.setattr(derive, "FOLDER", tmp_path)
    derive.main()
    assert (tmp_path / "outcomes.jsonl").read_bytes() == kept["outcomes.jsonl"]
    # Another zlib may pack the same rows into other bytes.
    made = gzip.decompress((tmp_path / "judgments.jsonl.gz").read_bytes())
    assert made == gzip.decompress(kept["judgments.jsonl.gz"])
    first = (tmp_path / "judgments.jsonl.gz").read_bytes()
    derive.main()
    assert (tmp_path / "judgments.jsonl.gz").read_bytes() == first


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("responses.jsonl", "responses"),
        ("judgments.jsonl.gz", "preferences"),
        ("outcomes.jsonl", "outcomes"),
    ],
)
def test_the_reader_of_its_format_skips_no_row(name: str, format_name: str) -> None:
    records = list(read(FOLDER / name, format=format_name))
    assert len(records) == len(rows_of(name))
    assert [record for record in records if isinstance(record, Skipped)] == []


def test_an_outcome_is_the_grade_as_a_score(answers: list[Row]) -> None:
    scores = {(row["prompt"], row["model"]): row["score"] for row in rows_of("outcomes.jsonl")}
    assert scores == {(row["prompt"], row["model"]): row["grade"] / 10 for row in answers}


def test_the_folder_stays_small() -> None:
    files = [path for path in FOLDER.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_500_000
