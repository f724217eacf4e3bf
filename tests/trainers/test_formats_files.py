"""Files as they come: every type, damaged ones, and memory that does not grow with them."""

import gzip
import json
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.commands.main import parser
from trainers.data.formats import FORMATS, ResponseRecord, Skipped, format_table, read
from trainers.errors import InputError

ROWS = [{"prompt": f"question {n}", "model": "ada", "response": f"answer {n}"} for n in range(1, 4)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def texts(path: Path, limit: int | None = None) -> list[str]:
    return [
        record.text if isinstance(record, ResponseRecord) else record.reason
        for record in read(path, format="responses", limit=limit)
    ]


@pytest.fixture(params=["parquet", "jsonl", "jsonl.gz", "csv", "json", "lines.json"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"rows.{request.param}"
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(LINES.encode()))
    elif path.suffix == ".csv":
        lines = [",".join(ROWS[0]), *(",".join(row.values()) for row in ROWS)]
        path.write_text("\n".join(lines))
    else:
        path.write_text(json.dumps(ROWS) if path.name == "rows.json" else LINES)
    return path


def test_every_file_type_gives_the_same_rows(file: Path) -> None:
    assert texts(file) == ["answer 1", "answer 2", "answer 3"]


def test_limit_counts_rows(file: Path) -> None:
    assert texts(file, limit=2) == ["answer 1", "answer 2"]


def test_a_bad_line_is_skipped_under_its_number(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    good = LINES.splitlines()
    bad = [b'{"prompt": "half', b'{"prompt": "\xff\xfe", "model": "m", "response": "r"}', b"[1]"]
    path.write_bytes(b"\n".join([good[0].encode(), *bad, b"", good[1].encode()]))
    found = list(read(path, format="responses"))
    skipped = [(item.row, item.reason) for item in found if isinstance(item, Skipped)]
    assert skipped == [(2, "broken JSON"), (3, "invalid UTF-8"), (4, "wrong type")]
    assert isinstance(found[-1], ResponseRecord)
    assert found[-1].row == 6


def test_invalid_utf_8_costs_a_csv_file_one_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"prompt,model,response\np,m,good\np,m,b\xffd\np,m\np,m,good\n")
    assert texts(path) == ["good", "invalid UTF-8", "wrong number of cells", "good"]


def test_invalid_utf_8_costs_a_parquet_file_one_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    offsets = pa.py_buffer(b"".join(n.to_bytes(4, "little") for n in (0, 4, 7, 11)))
    broken = pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b"goodb\xffdgood")])
    column = pa.array(["x"] * 3)
    pq.write_table(pa.table({"prompt": column, "model": column, "response": broken}), path)
    assert texts(path) == ["good", "invalid UTF-8", "good"]


def test_a_json_array_that_breaks_names_the_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(ROWS)[:-20])
    with pytest.raises(InputError, match=r"rows\.json, row 3: broken JSON"):
        texts(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.parquet", b"PAR1 not really", "is not readable Parquet"),
        ("rows.jsonl.gz", b"not gzip at all", "Not a gzipped file"),
        ("rows.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)[:40], "cannot be read further"),
        ("rows.json", b'"text"', "is not a JSON array"),
        ("rows.csv", b"", "is empty"),
        ("rows.jsonl", b"\x00\x01\x02\n\x03\n", "no usable row"),
        ("rows.xlsx", b"", "unknown file type '.xlsx'"),
    ],
)
def test_an_unreadable_file_is_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as raised:
        texts(path)
    assert name in str(raised.value)


def test_a_parquet_file_damaged_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    rows = [{"prompt": f"{n}" * 40, "model": "m", "response": f"{n * n}"} for n in range(20_000)]
    pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[2000:30_000] = bytes(28_000)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"rows\.parquet, row \d+: is damaged"):
        texts(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.jsonl: there is no such file"):
        texts(tmp_path / "nowhere.jsonl")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory"):
        texts(tmp_path)


def test_an_empty_file_of_rows_holds_no_records(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("")
    assert texts(path) == []


@pytest.mark.parametrize("suffix", ["jsonl", "json", "parquet", "csv"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, suffix: str) -> None:
    def peak(count: int) -> int:
        path = tmp_path / f"{count}.{suffix}"
        rows = [{"prompt": "p" * 500, "model": "m", "response": str(n)} for n in range(count)]
        if suffix == "parquet":
            pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2000)
        elif suffix == "csv":
            lines = ["prompt,model,response", *(",".join(row.values()) for row in rows)]
            path.write_text("\n".join(lines))
        elif suffix == "json":
            path.write_text(json.dumps(rows))
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        del rows
        tracemalloc.start()
        seen = sum(1 for _ in read(path, format="responses"))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seen == count
        return used

    assert peak(24_000) < 1.5 * peak(6_000)


def test_the_list_of_formats_is_the_one_in_the_docs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        parser().parse_args(["snapshot", "--list-formats"])
    listed = capsys.readouterr().out.strip()
    assert listed == format_table()
    assert listed in (Path(__file__).parents[2] / "docs/formats.md").read_text()
    assert [f"| `{name}` |" in listed for name in FORMATS] == [True] * len(FORMATS)
