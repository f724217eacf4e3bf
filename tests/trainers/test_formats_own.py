"""Our own formats: preferences, responses, outcomes."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.data.formats import Judgment, OutcomeRecord, PairRecord, ResponseRecord, Skipped, read
from trainers.errors import InputError

EXPORTED = {
    "id": "p1",
    "comparison_id": "c1",
    "messages": [{"role": "user", "content": "Name a prime.\nJust one."}],
    "response_a": "7",
    "response_b": "It is 8, “surely”.",
    "model_a": "ada",
    "model_b": "bob",
    "choice": "a",
    "strength": 0.5,
    "aspects": {"truthful": "a"},
    "confidence": 0.75,
    "reasons": ["wrong", "too sure"],
    "rationale": "8 is even, and “surely” is no proof.",
    "rater_id": "r1",
    "rater_kind": "human",
    "rater_role": "author",
    "judge": None,
    "order_shown": "ba",
    "duration_ms": 4200,
    "language": "en",
    "topics": ["mathematics", "numbers"],
    "campaign": None,
    "source": "commons",
    "route_source": None,
    "propensity": None,
    "licence": "CC-BY-4.0",
    "created_at": "2026-03-01T12:00:00+00:00",
}
NESTED = ("messages", "aspects", "reasons", "topics")


def write_jsonl(path: Path, rows: list[Any]) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            cells = {key: json.dumps(row[key]) if key in NESTED else row[key] for key in row}
            writer.writerow(cells)
    return path


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    table = pa.Table.from_pylist(
        [{**row, "created_at": datetime.fromisoformat(row["created_at"])} for row in rows]
    )
    pq.write_table(table, path)
    return path


@pytest.mark.parametrize(
    ("name", "write"),
    [("p.jsonl", write_jsonl), ("p.csv", write_csv), ("p.parquet", write_parquet)],
)
def test_an_exported_judgment_comes_back_whole_from_every_file_type(
    tmp_path: Path, name: str, write: Any
) -> None:
    record = next(iter(read(write(tmp_path / name, [EXPORTED]), format="preferences")))
    assert record == PairRecord(
        row=1,
        external_id="p1",
        messages=({"role": "user", "content": "Name a prime.\nJust one."},),
        question_id=None,
        response_a="7",
        response_b="It is 8, “surely”.",
        model_a="ada",
        model_b="bob",
        topics=("mathematics", "numbers"),
        language="en",
        source="commons",
        licence="CC-BY-4.0",
        judgments=(
            Judgment(
                rater="r1",
                rater_kind="human",
                choice="a",
                strength=0.5,
                confidence=0.75,
                aspects={"truthful": "a"},
                reasons=["wrong", "too sure"],
                rationale="8 is even, and “surely” is no proof.",
                duration_ms=4200,
                created_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
                order_shown="ba",
                role="author",
            ),
        ),
    )


def test_a_vote_without_texts_is_told_by_its_comparison(tmp_path: Path) -> None:
    row = {**EXPORTED, "messages": [], "response_a": None, "response_b": None}
    (record,) = read(write_jsonl(tmp_path / "p.jsonl", [row]), format="preferences")
    assert isinstance(record, PairRecord)
    assert (record.messages, record.response_a, record.question_id) == ((), None, "c1")


def test_a_judge_without_a_rater_kind_is_an_ai_rater(tmp_path: Path) -> None:
    row = {**EXPORTED, "rater_id": None, "rater_kind": None, "judge": "GPT-4"}
    (record,) = read(write_jsonl(tmp_path / "p.jsonl", [row]), format="preferences")
    assert isinstance(record, PairRecord)
    assert (record.judgments[0].rater, record.judgments[0].rater_kind) == ("GPT-4", "ai")


@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        ({"choice": "left"}, "choice", "unknown choice"),
        ({"choice": None}, "choice", "missing value"),
        ({"response_a": 7}, "response_a", "wrong type"),
        ({"response_a": None}, "response_a", "missing value"),
        ({"response_a": "x" * 1_000_001}, "response_a", "text too long"),
        ({"response_b": "a\0b"}, "response_b", "NUL byte"),
        ({"response_b": "\ud800"}, "response_b", "invalid UTF-8"),
        ({"response_b": "7", "model_b": "ada"}, "response_b", "same on both sides"),
        ({"messages": [{"content": "no role"}]}, "messages", "wrong type"),
        ({"messages": []}, "prompt", "missing value"),
        ({"strength": "much"}, "strength", "wrong type"),
        ({"strength": -1}, "strength", "outside its range"),
        ({"confidence": 1.5}, "confidence", "outside [0, 1]"),
        ({"rater_kind": "cat"}, "rater_kind", "unknown rater kind"),
        ({"created_at": "yesterday"}, "created_at", "wrong type"),
        ({"duration_ms": -5}, "duration_ms", "wrong type"),
    ],
)
def test_a_bad_value_skips_its_row_alone_and_names_the_column(
    tmp_path: Path, change: dict[str, Any], column: str, reason: str
) -> None:
    path = write_jsonl(tmp_path / "p.jsonl", [EXPORTED, {**EXPORTED, **change}, EXPORTED])
    first, bad, last = read(path, format="preferences")
    assert isinstance(first, PairRecord)
    assert isinstance(last, PairRecord)
    assert isinstance(bad, Skipped)
    assert (bad.row, bad.column, bad.reason) == (2, column, reason)


def test_a_tie_keeps_no_strength(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "p.jsonl", [{**EXPORTED, "choice": "tie"}])
    (record,) = read(path, format="preferences")
    assert isinstance(record, PairRecord)
    assert record.judgments[0].strength is None


def test_a_column_missing_from_the_whole_file_names_file_and_column(tmp_path: Path) -> None:
    row = {key: value for key, value in EXPORTED.items() if key != "choice"}
    path = write_jsonl(tmp_path / "p.jsonl", [row, row])
    with pytest.raises(InputError, match=r"p\.jsonl, column 'choice'"):
        read(path, format="preferences")


def test_responses_keep_model_text_and_latency(tmp_path: Path) -> None:
    row = {"prompt": "Hi", "model": "ada", "response": "Hello", "latency_ms": 12.6}
    (record,) = read(write_jsonl(tmp_path / "r.jsonl", [row]), format="responses")
    assert isinstance(record, ResponseRecord)
    assert (record.model, record.text, record.latency_ms) == ("ada", "Hello", 13)
    assert record.source == "r"


def test_outcomes_outside_the_unit_interval_are_skipped(tmp_path: Path) -> None:
    rows = [{"prompt_id": 3, "model": "ada", "score": score} for score in (1, 0.25, 2, None)]
    good, half, over, absent = read(write_jsonl(tmp_path / "o.jsonl", rows), format="outcomes")
    assert isinstance(good, OutcomeRecord)
    assert isinstance(half, OutcomeRecord)
    assert (good.question_id, good.score, half.score) == ("3", 1.0, 0.25)
    assert isinstance(over, Skipped)
    assert (over.row, over.reason) == (3, "outside [0, 1]")
    assert isinstance(absent, Skipped)
    assert absent.reason == "missing value"


def test_an_unknown_format_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown format 'parquet'"):
        read(tmp_path / "p.jsonl", format="parquet")
