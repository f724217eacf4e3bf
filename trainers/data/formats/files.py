"""Rows of Parquet, JSONL, JSON and CSV files, one batch at a time in constant memory.

A row that cannot be decoded is handed on as Skipped under its number; a file that cannot be
opened or goes bad as a whole is an InputError. Rows count from 1: records in Parquet, JSON
and CSV (the header is not one), lines in JSONL.
"""

import csv
import gzip
import json
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from trainers.data.formats.fields import SourceRow
from trainers.data.formats.hub import hub_rows
from trainers.data.formats.json_array import array_items
from trainers.data.formats.records import Skipped
from trainers.errors import InputError

BATCH_ROWS = 2048
# A JSON file has no header: its columns are those that occur in this many first rows.
SAMPLE_ROWS = 1000
MAX_CELL = 64 * 1024 * 1024

Rows = Iterator[SourceRow | Skipped]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An open file: its columns and its rows."""

    path: Path
    columns: frozenset[str]
    rows: Rows


def open_table(path: Path, wanted: Collection[str] | None = None) -> Table:
    """Open a file by its suffix; of Parquet only the `wanted` columns are read."""
    if path.is_dir():
        raise InputError.at(path, "is a directory, not a file")
    if not path.exists():
        return _sampled(path, _numbered(hub_rows(path)))
    suffix = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    if suffix == ".parquet":
        return _parquet(path, wanted)
    if suffix in (".jsonl", ".jsonl.gz"):
        return _sampled(path, _guarded(path, _lines(path)))
    if suffix == ".json":
        return _sampled(path, _guarded(path, _json(path)))
    if suffix == ".csv":
        return _csv(path)
    known = ".parquet, .jsonl, .jsonl.gz, .csv, .json"
    raise InputError.at(path, f"unknown file type {suffix!r}; known are {known}")


def _parquet(path: Path, wanted: Collection[str] | None) -> Table:
    """Open a Parquet file."""
    try:
        file = pq.ParquetFile(path)
        names = list(dict.fromkeys(field.name for field in file.schema_arrow))
    except (pa.ArrowException, OSError) as error:
        raise InputError.at(path, f"is not readable Parquet ({error})") from error
    chosen = names if wanted is None else [name for name in names if name in wanted]
    return Table(path=path, columns=frozenset(names), rows=_parquet_rows(path, file, chosen))


def _parquet_rows(path: Path, file: pq.ParquetFile, columns: list[str]) -> Rows:
    """Yield rows a batch at a time."""
    number = 1
    try:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=columns):
            yield from _batch_rows(batch, number)
            number += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError.at(path, f"is damaged ({error})", row=number) from error


def _batch_rows(batch: pa.RecordBatch, first: int) -> Rows:
    """Yield a batch's rows; one with invalid UTF-8 is split until the bad row is alone."""
    names = batch.schema.names
    # Without a wanted column there are rows still, which count and keep their numbers.
    if not names:
        yield from (SourceRow(first + index, {}) for index in range(batch.num_rows))
        return
    try:
        columns = [column.to_pylist() for column in batch.columns]
    except UnicodeDecodeError as error:
        if batch.num_rows == 1:
            yield Skipped(first, None, "invalid UTF-8", str(error))
            return
        # Arrow decodes a column as a whole: the bad row is found by decoding each alone.
        for index in range(batch.num_rows):
            yield from _batch_rows(batch.slice(index, 1), first + index)
        return
    for index, values in enumerate(zip(*columns, strict=True)):
        yield SourceRow(first + index, dict(zip(names, values, strict=True)))


def _lines(path: Path) -> Rows:
    """Yield the rows of a file with one JSON object a line."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _json_row(number, line)


def _json_row(number: int, line: bytes) -> SourceRow | Skipped:
    """Return a decoded line, or why it cannot be."""
    try:
        # A byte order mark can stand before the first line only.
        value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        return Skipped(number, None, "invalid UTF-8", str(error))
    except (ValueError, RecursionError) as error:
        return Skipped(number, None, "broken JSON", str(error))
    return _object_row(number, value)


def _object_row(number: int, value: object) -> SourceRow | Skipped:
    """Return a row of an object, or why a value is none."""
    if not isinstance(value, dict):
        return Skipped(number, None, "wrong type", f"{type(value).__name__} instead of an object")
    return SourceRow(number, value)


def _json(path: Path) -> Rows:
    """Yield the rows of a JSON array, or of one object a line under the same ending."""
    with path.open("rb") as file:
        opening = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if opening == b"{":  # many public ".json" files hold one object a line
        yield from _lines(path)
        return
    if opening != b"[":
        raise InputError.at(path, "is not a JSON array of objects")
    # An invalid byte becomes a lone surrogate, which `fields.checked` refuses in its own row.
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        for number, value in enumerate(array_items(path, file), start=1):
            yield _object_row(number, value)


def _csv(path: Path) -> Table:
    """Open a CSV file; its first row names the columns."""
    csv.field_size_limit(
        MAX_CELL
    )  # of the whole process; Python's 128 KiB may be less than a long answer
    try:
        # Invalid bytes go on as lone surrogates and are refused by row, as in JSON.
        file = path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(file)
        header = next(reader, None)
    except (OSError, csv.Error) as error:
        raise InputError.at(path, f"cannot be read ({error})") from error
    if not header:
        raise InputError.at(path, "is empty: no header row")
    return Table(
        path=path, columns=frozenset(header), rows=_guarded(path, _csv_rows(file, reader, header))
    )


def _csv_rows(file: IO[str], reader: Iterable[list[str]], header: list[str]) -> Rows:
    """Yield rows of as many cells as there are columns."""
    with file:
        for number, cells in enumerate(reader, start=1):
            if len(cells) != len(header):
                detail = f"{len(cells)} cells under {len(header)} columns"
                yield Skipped(number, None, "wrong number of cells", detail)
                continue
            # An empty cell is how CSV writes "nothing here".
            values = {name: cell or None for name, cell in zip(header, cells, strict=True)}
            yield SourceRow(number, values)


def _guarded(path: Path, rows: Rows) -> Rows:
    """Yield the same rows; an error of the whole file becomes an InputError that names it."""
    number = 0
    try:
        for row in rows:
            number = row.row if isinstance(row, Skipped) else row.number
            yield row
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise InputError.at(path, f"cannot be read further ({error})", row=number + 1) from error


def _sampled(path: Path, rows: Rows) -> Table:
    """Return a table whose columns are those of its first rows."""
    first = list(islice(rows, SAMPLE_ROWS))
    decoded = [row.values for row in first if isinstance(row, SourceRow)]
    if first and not decoded:
        raise InputError.at(path, f"no usable row ({_reason(first[0])})", row=1)
    # The sampled rows come first again: nothing is lost by looking.
    return Table(
        path=path, columns=frozenset(chain.from_iterable(decoded)), rows=chain(first, rows)
    )


def _reason(item: SourceRow | Skipped) -> str:
    """Return why a row was skipped, or nothing."""
    return item.reason if isinstance(item, Skipped) else ""


def _numbered(rows: Iterable[dict[str, Any]]) -> Rows:
    """Yield rows with their numbers, from 1."""
    return (SourceRow(number, row) for number, row in enumerate(rows, start=1))
