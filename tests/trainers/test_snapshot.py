"""Snapshots: deterministic, complete, checked when they are opened."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.artifacts import file_digest
from trainers.data.formats import Judgment, OutcomeRecord, PairRecord, Record, Skipped, read
from trainers.data.snapshot import SCHEMAS, Snapshot, SnapshotWriter, first_user_message, split_of
from trainers.data.snapshot.build import build_snapshot
from trainers.data.snapshot.writer import snapshot_digest
from trainers.errors import InputError


def prompt_row(number: int) -> dict[str, Any]:
    return {
        "prompt_id": f"p{number}",
        "messages": [{"role": "user", "content": f"question {number}"}],
        "topics": ["law"],
        "language": "en",
        "split": "train",
    }


def write(out: Path, rows: list[dict[str, Any]], batch: int = 10_000) -> str:
    with SnapshotWriter(out) as writer:
        for start in range(0, len(rows), batch):
            writer.write("prompts", rows[start : start + batch])
        return writer.finish(filters={"source": "test"}, licence="MIT")


def pair(
    a: str | None = "A",
    b: str | None = "B",
    models: tuple[str, str] = ("ada", "bob"),
    *judgments: Judgment,
    **fields: Any,
) -> PairRecord:
    values: dict[str, Any] = {
        "row": 1,
        "external_id": None,
        "messages": ({"role": "user", "content": "Why?"},),
        "question_id": None,
        "response_a": a,
        "response_b": b,
        "model_a": models[0],
        "model_b": models[1],
        "topics": (),
        "language": "en",
        "source": "test",
        "licence": "MIT",
        "judgments": judgments,
        **fields,
    }
    return PairRecord(**values)


def human(rater: str, choice: Any) -> Judgment:
    return Judgment(rater, "human", choice)


def built(out: Path, *records: Record | Skipped) -> Snapshot:
    build_snapshot(records, out, filters={})
    return Snapshot.open(out)


# --- splits ---------------------------------------------------------------------------------


def test_splits_are_eighty_ten_ten_and_never_move() -> None:
    counts = Counter(split_of(f"prompt {number}") for number in range(20_000))
    assert counts["train"] == pytest.approx(16_000, rel=0.02)
    assert counts["validation"] == pytest.approx(2_000, rel=0.1)
    assert counts["test"] == pytest.approx(2_000, rel=0.1)
    # Recorded once: a prompt that moves would leak from training into the test split.
    assert split_of("Why?") == "train"
    assert split_of("Sing a song.") == "validation"
    assert split_of("Sing.") == "test"


@pytest.mark.parametrize("other", [" \n{}\t", "{}"])
def test_white_space_and_composition_do_not_change_the_split(other: str) -> None:
    for number in range(200):
        composed, decomposed = f"caf\u00e9 {number}", f"cafe\u0301 {number}"
        assert split_of(other.format(decomposed)) == split_of(composed)


def test_later_turns_do_not_change_the_split() -> None:
    opening = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    later = [*opening, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "So?"}]
    assert first_user_message(later) == first_user_message(opening) == "Hi"  # type: ignore[arg-type]


# --- writing and reading --------------------------------------------------------------------


def test_every_table_is_there_with_the_columns_of_the_contract(tmp_path: Path) -> None:
    write(tmp_path / "s", [prompt_row(1)])
    snapshot = Snapshot.open(tmp_path / "s")
    for name, schema in SCHEMAS.items():
        assert snapshot.table(name).schema.names == schema.names
    assert snapshot.table("prompts").to_pylist() == [prompt_row(1)]
    assert snapshot.manifest["counts"] == {**dict.fromkeys(SCHEMAS, 0), "prompts": 1}
    assert snapshot.manifest["licence"] == "MIT"


def test_the_digest_depends_on_the_rows_alone(tmp_path: Path) -> None:
    rows = [prompt_row(number) for number in range(20_000)]
    whole = write(tmp_path / "whole", rows)
    parts = write(tmp_path / "parts", rows, batch=777)
    other = write(tmp_path / "other", [*rows[:-1], prompt_row(-1)])
    assert whole == parts
    assert whole != other


def test_a_table_may_have_more_columns(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path / "s") as writer:
        row = {"prompt_id": "p", "model": "m", "score": 1, "source": "s", "checker": "x"}
        rows = pa.Table.from_pylist([row])
        writer.write("outcomes", rows)
        writer.finish(filters={}, licence=["MIT"])
    assert Snapshot.open(tmp_path / "s").table("outcomes")["checker"].to_pylist() == ["x"]


def test_a_snapshot_from_before_the_decisions_still_opens(tmp_path: Path) -> None:
    """Written as an earlier version wrote it: without the file, without its line in the digest."""
    out = tmp_path / "s"
    write(out, [prompt_row(1)])
    (out / "decisions.parquet").unlink()
    files = {path.name: file_digest(path) for path in out.glob("*.parquet")}
    edit_manifest(digest=snapshot_digest(files))(out)
    decisions = Snapshot.open(out).table("decisions", ["decision_id", "rewards"])
    assert decisions.schema.names == ["decision_id", "rewards"]
    assert decisions.num_rows == 0


def test_a_snapshot_that_lost_its_decisions_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "s", [prompt_row(1)])
    remove("decisions.parquet")(tmp_path / "s")
    with pytest.raises(InputError, match="differ from the digest"):
        Snapshot.open(tmp_path / "s")


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with SnapshotWriter(tmp_path / "s") as writer:
            writer.write("prompts", [prompt_row(1)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_an_existing_snapshot_is_not_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "s", [prompt_row(1)])
    with pytest.raises(InputError, match="exists already"):
        SnapshotWriter(tmp_path / "s")


def remove(file: str) -> Any:
    return lambda folder: (folder / file).unlink()


def rewrite(file: str, table: pa.Table) -> Any:
    return lambda folder: pq.write_table(table, folder / file)


def edit_manifest(**changes: Any) -> Any:
    def edit(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps({**manifest, **changes}))

    return edit


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove("manifest.json"), r"manifest\.json: cannot be read"),
        (remove("outcomes.parquet"), r"outcomes\.parquet: the snapshot lacks this file"),
        (edit_manifest(format_version=9), "unknown format version 9"),
        (edit_manifest(digest="0"), "differ from the digest"),
        (
            rewrite("prompts.parquet", pa.table({"prompt_id": ["p"]})),
            r"prompts\.parquet, column 'messages': the column is missing",
        ),
        (
            rewrite("models.parquet", pa.table({"model": [1], "name": ["m"], "topics": [["t"]]})),
            r"models\.parquet, column 'model': is int64, not string",
        ),
        (
            lambda folder: (folder / "models.parquet").write_bytes(b"nothing"),
            r"models\.parquet: is not readable Parquet",
        ),
    ],
)
def test_a_damaged_snapshot_is_refused_by_file_and_column(
    tmp_path: Path, damage: Any, message: str
) -> None:
    write(tmp_path / "s", [prompt_row(1)])
    damage(tmp_path / "s")
    with pytest.raises(InputError, match=message):
        Snapshot.open(tmp_path / "s")


# --- from public records --------------------------------------------------------------------


def test_votes_with_swapped_sides_are_one_comparison(tmp_path: Path) -> None:
    snapshot = built(
        tmp_path / "s",
        pair("A", "B", ("ada", "bob"), human("r1", "a")),
        pair("B", "A", ("bob", "ada"), human("r2", "b"), human("r3", "tie")),
    )
    rows = snapshot.table("preferences").to_pylist()
    assert {row["comparison_id"] for row in rows} == {rows[0]["comparison_id"]}
    assert [row["choice"] for row in rows] == ["a", "a", "tie"]
    assert {(row["model_a"], row["model_b"]) for row in rows} == {("ada", "bob")}
    assert {(row["response_a"], row["response_b"]) for row in rows} == {
        (rows[0]["response_a"], rows[0]["response_b"])
    }
    assert snapshot.table("consensus").num_rows == 1
    assert snapshot.table("responses").num_rows == 2


def test_equal_texts_of_different_models_are_different_responses(tmp_path: Path) -> None:
    snapshot = built(
        tmp_path / "s",
        pair("A", "B", ("ada", "bob"), human("r1", "a")),
        pair("A", "B", ("eve", "bob"), human("r1", "a")),
    )
    assert snapshot.table("responses").num_rows == 3
    assert snapshot.table("consensus").num_rows == 2


def test_a_rater_is_the_same_in_one_source_alone(tmp_path: Path) -> None:
    snapshot = built(
        tmp_path / "s",
        pair("A", "B", ("ada", "bob"), human("7", "a")),
        pair("C", "D", ("ada", "bob"), human("7", "a")),
        pair("E", "F", ("ada", "bob"), human("7", "a"), source="other"),
    )
    first, again, other = snapshot.table("preferences")["rater"].to_pylist()
    assert first == again != other


def test_repeated_votes_have_identifiers_of_their_own(tmp_path: Path) -> None:
    vote = pair("A", "B", ("ada", "bob"), human("r", "a"))
    snapshot = built(tmp_path / "s", vote, vote)
    assert len(set(snapshot.table("preferences")["preference_id"].to_pylist())) == 2


def test_questions_without_text_keep_their_own_splits(tmp_path: Path) -> None:
    votes = [
        pair(None, None, ("ada", "bob"), human("r", "a"), messages=(), question_id=f"q{number}")
        for number in range(300)
    ]
    prompts = built(tmp_path / "s", *votes).table("prompts").to_pylist()
    assert {row["split"] for row in prompts} == {"train", "validation", "test"}
    assert all(row["messages"] == [] for row in prompts)


def test_a_second_outcome_of_a_model_on_a_prompt_is_counted_and_left_out(tmp_path: Path) -> None:
    row = OutcomeRecord(
        row=1,
        external_id=None,
        messages=(),
        question_id="q",
        model="ada",
        score=1.0,
        topics=("law",),
        source="test",
        licence="MIT",
    )
    done = build_snapshot([row, row], tmp_path / "s", filters={})
    assert done.counts["outcomes"] == 1
    assert done.skipped == {"repeated outcome": 1}


def test_consensus_counts_people_and_judges_and_leans_to_the_many(tmp_path: Path) -> None:
    ai = Judgment("GPT", "ai", "b", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    snapshot = built(
        tmp_path / "s",
        pair("A", "B", ("ada", "bob"), human("r1", "a"), human("r2", "a"), ai),
        pair("C", "D", ("ada", "bob")),
    )
    (row,) = snapshot.table("consensus").to_pylist()
    assert (row["n_human"], row["n_ai"]) == (2, 1)
    assert row["p_a"] > 0.5
    assert row["p_a"] + row["p_b"] + row["p_tie"] + row["p_both_bad"] == pytest.approx(1)


def test_the_real_votes_keep_their_numbers_and_their_digest(
    shared_data: Path, tmp_path: Path
) -> None:
    def snapshot(name: str) -> Snapshot:
        path, profile = shared_data / "llmfao_votes.parquet", Path("llmfao_votes")
        records = read(path, format="preferences", profile=profile)
        build_snapshot(records, tmp_path / name, filters={})
        return Snapshot.open(tmp_path / name)

    first, second = snapshot("one"), snapshot("two")
    assert first.digest == second.digest
    assert first.manifest["counts"] == {
        "prompts": 13,
        "responses": 750,
        "preferences": 8_931,
        "consensus": 2_139,
        "outcomes": 0,
        "models": 59,
        "decisions": 0,
    }
    raters = first.table("preferences")["rater"].to_pylist()
    assert len(set(raters)) == 124
