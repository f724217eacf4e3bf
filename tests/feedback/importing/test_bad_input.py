"""Input that cannot be used: a message, the right exit status, and a pool as before."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError

from feedback.campaigns.models import Task
from feedback.campaigns.services import campaign_create
from tests.conftest import ROOT
from tests.feedback.importing.files import import_file, pool_size, vote, write_rows

pytestmark = pytest.mark.django_db

EMPTY = (0, 0, 0, 0, 0)


def refused(path: Path, *words: str, form: str = "preferences", **options: Any) -> None:
    """The import ends with exit status 2 and a message with these words; nothing was written."""
    with pytest.raises(CommandError) as error:
        import_file(path, form, **options)
    assert error.value.returncode == 2
    assert all(word in str(error.value) for word in (path.name, *words)), str(error.value)
    assert pool_size() == EMPTY


def skipped_one(path: Path, reason: str, capsys: pytest.CaptureFixture[str]) -> str:
    """One of two rows is skipped for this reason; what was said about it."""
    result = import_file(path)
    assert result["skipped"] == {reason: 1}
    assert result["created"]["preferences"] == 1
    return capsys.readouterr().err


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and then something else")
    refused(tmp_path / "x.parquet", "Parquet")


def test_a_damaged_end_of_a_file_changes_nothing(tmp_path: Path) -> None:
    rows = "".join(json.dumps(vote(rater_id=str(n))) + "\n" for n in range(5000))
    packed = gzip.compress(rows.encode())
    (tmp_path / "x.jsonl.gz").write_bytes(packed[: len(packed) * 9 // 10])
    refused(tmp_path / "x.jsonl.gz")


def test_a_damaged_page_of_parquet_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    rows = [vote(rater_id=str(n), prompt=f"Prompt {n}") for n in range(6000)]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2000, write_page_checksum=True)
    content = bytearray(path.read_bytes())
    middle = len(content) * 3 // 4
    content[middle : middle + 4000] = b"\xff" * 4000
    path.write_bytes(content)
    refused(path)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "x.jsonl", [vote()])
    with pytest.raises(CommandError, match="unknown format 'votes'") as error:
        import_file(file, "votes")
    assert error.value.returncode == 2
    assert pool_size() == EMPTY


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    row = {k: v for k, v in vote().items() if k != "choice"}
    refused(write_rows(tmp_path / "x.jsonl", [row]), "'choice'")


def test_a_profile_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text("format = ")
    file = write_rows(tmp_path / "x.jsonl", [vote()])
    with pytest.raises(CommandError, match=r"p\.toml"):
        import_file(file, profile=tmp_path / "p.toml")
    assert pool_size() == EMPTY


def test_an_unknown_campaign_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "x.jsonl", [vote()])
    with pytest.raises(CommandError, match="no campaign “nowhere”"):
        import_file(file, campaign="nowhere")
    assert pool_size() == EMPTY


@pytest.mark.parametrize(
    ("fields", "reason", "column"),
    [
        ({"response_a": "x" * 5_000_000}, "text too long", "response_a"),
        ({"response_a": "x\0y"}, "NUL byte", "response_a"),
        ({"choice": "left"}, "unknown choice", "choice"),
        ({"model_a": "x" * 300}, "name too long", "model_a"),
        ({"rationale": "x" * 20_000}, "invalid rationale", "rationale"),
        ({"response_b": None}, "missing value", "response_b"),
    ],
)
def test_a_bad_row_is_skipped_by_number_and_column(
    fields: dict[str, Any],
    reason: str,
    column: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = write_rows(tmp_path / "x.jsonl", [vote(), vote(rater_id="ben", **fields)])
    said = skipped_one(file, reason, capsys)
    assert f"row 2, column '{column}'" in said


def test_a_row_of_invalid_utf_8_is_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = (json.dumps(vote(rater_id=name)).encode() for name in ("anna", "ben"))
    (tmp_path / "x.jsonl").write_bytes(good + b"\n" + bad.replace(b"fugue", b"fug\xff\xfe") + b"\n")
    assert "row 2" in skipped_one(tmp_path / "x.jsonl", "invalid UTF-8", capsys)


def test_of_many_bad_rows_the_first_are_shown_and_all_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [vote(choice="left") for _ in range(50)]
    result = import_file(write_rows(tmp_path / "x.jsonl", rows))
    said = capsys.readouterr().err
    assert result["skipped"] == {"unknown choice": 50}
    assert said.count("column 'choice'") == 20
    assert "30 more: unknown choice" in said


def test_strict_stops_at_the_first_bad_row_and_takes_everything_back(tmp_path: Path) -> None:
    rows = [vote(rater_id=str(n)) for n in range(2500)] + [vote(choice="left")]
    refused(write_rows(tmp_path / "x.jsonl", rows), "row 2501", "'choice'", strict=True)


def test_imported_pairs_become_tasks_of_a_campaign(tmp_path: Path) -> None:
    campaign, _ = campaign_create(slug="music", overlap=2)
    silent = {"response_a": None, "response_b": None, "question_id": "q"}
    rows = [vote(), vote(rater_id="ben"), vote(**silent)]
    import_file(write_rows(tmp_path / "x.jsonl", rows), campaign="music")
    assert Task.objects.get(campaign=campaign).wanted == 2


@pytest.mark.django_db(transaction=True)
def test_a_script_reads_the_last_line_and_the_exit_status(
    tmp_path: Path, process_environment: dict[str, str]
) -> None:
    def run(path: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "manage.py"), "import_data", str(path)]
        return subprocess.run(
            [*command, "--format", "preferences"],
            env=process_environment,
            capture_output=True,
            text=True,
            check=False,
        )

    good = run(write_rows(tmp_path / "x.jsonl", [vote(), vote(rater_id="ben")]))
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout.splitlines()[-1])["read"] == 2
    assert '"progress": 1.0' in good.stderr
    bad = run(tmp_path / "nothing.csv.bak")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "nothing.csv.bak" in bad.stderr
