"""Rows as bytes, a chunk at a time: JSON lines, Parquet or CSV; the same rows in the same order."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from feedback.publication.shapes import SHAPES
from feedback.publication.shapes.base import ExportQuery, Row


class JsonLines:
    """One JSON object a line; times in ISO 8601 with a Z."""

    media_type: ClassVar = "application/x-ndjson"

    def __init__(self, schema: pa.Schema) -> None:
        del schema  # each line names its own columns

    def encode(self, rows: list[Row]) -> bytes:
        """Return lines of UTF-8."""
        lines = (json.dumps(row, ensure_ascii=False, default=_plain) for row in rows)
        return "".join(f"{line}\n" for line in lines).encode()

    def finish(self) -> bytes:
        """Return nothing: each line stands alone."""
        return b""


class Outbox(io.RawIOBase):
    """A file that forgets what has been taken from it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        """Return yes: pyarrow asks before it writes to a file."""
        return True

    def write(self, data: Any) -> int:
        """Append a part and return its length."""
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def tell(self) -> int:
        """Return how much was ever written: Parquet's footer refers to it."""
        return self._position

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


class Parquet:
    """One row group a chunk, handed on as soon as it is written."""

    media_type: ClassVar = "application/vnd.apache.parquet"

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.outbox = Outbox()
        self.writer = pq.ParquetWriter(self.outbox, schema, compression="zstd")

    def encode(self, rows: list[Row]) -> bytes:
        """Return the bytes of one row group."""
        self.writer.write_table(pa.Table.from_pylist(rows, schema=self.schema))
        return self.outbox.take()

    def finish(self) -> bytes:
        """Return the footer."""
        self.writer.close()
        return self.outbox.take()


class Csv:
    """A header and one line a row; lists and objects as JSON."""

    media_type: ClassVar = "text/csv; charset=utf-8"

    def __init__(self, schema: pa.Schema) -> None:
        self.buffer = io.StringIO()
        self.names = schema.names
        self.writer = csv.DictWriter(self.buffer, self.names, extrasaction="ignore")
        self.writer.writeheader()

    def encode(self, rows: list[Row]) -> bytes:
        """Return lines of UTF-8, after the header at first."""
        self.writer.writerows({name: _cell(row.get(name)) for name in self.names} for row in rows)
        return self.finish()

    def finish(self) -> bytes:
        """Return what is still in the buffer: the header, where there were no rows."""
        text = self.buffer.getvalue()
        self.buffer.seek(0)
        self.buffer.truncate()
        return text.encode()


ENCODERS: dict[str, type[JsonLines] | type[Parquet] | type[Csv]] = {
    "jsonl": JsonLines,
    "parquet": Parquet,
    "csv": Csv,
}


def encoded(query: ExportQuery) -> Iterator[tuple[int, bytes]]:
    """Yield the export as (number of rows, bytes), a chunk at a time."""
    shape = SHAPES[query.shape]
    encoder = ENCODERS[query.format](schema_of(query))
    for rows in shape.chunks(query):
        yield len(rows), encoder.encode(rows)
    yield 0, encoder.finish()


def schema_of(query: ExportQuery) -> pa.Schema:
    """Return the columns: an export that follows `since` also tells what was withdrawn."""
    schema = SHAPES[query.shape].schema
    if query.since is None:
        return schema
    names = [] if "id" in schema.names else [pa.field("id", pa.string())]
    return pa.schema([*schema, *names, pa.field("withdrawn", pa.bool_())])


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no place in an export")


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return _plain(value) if isinstance(value, datetime) else value
