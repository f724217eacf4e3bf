"""Writing a snapshot: deterministic Parquet, aside, then renamed into place."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from trainers.artifacts import file_digest
from trainers.data.snapshot.schemas import FORMAT_VERSION, SCHEMAS
from trainers.errors import InputError

# Row groups have a fixed size, so that the bytes depend on the rows and their order alone
# and not on how many came in one call.
ROWS_IN_GROUP = 8192

Rows: TypeAlias = pa.RecordBatch | pa.Table | Sequence[Mapping[str, Any]]


class SnapshotWriter:
    """Context manager; `write` rows in a fixed order, then `finish`. Left early, nothing stays."""

    def __init__(self, out: Path) -> None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError.at(out, "exists already and is not an empty directory")
        self._out = out
        self._partial = out.with_name(f"{out.name}.partial")
        # What a killed run left behind under this name.
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._waiting: dict[str, list[pa.Table]] = {name: [] for name in SCHEMAS}
        self.counts: dict[str, int] = dict.fromkeys(SCHEMAS, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for writer in self._writers.values():
            writer.close()
        # After `finish` the folder has its final name, and nothing is left to remove here.
        shutil.rmtree(self._partial, ignore_errors=True)

    def write(self, table: str, rows: Rows) -> None:
        """Append rows to a table; columns beyond the schema are kept."""
        arrow = _as_table(table, rows)
        if arrow.num_rows == 0:
            return
        self.counts[table] += arrow.num_rows
        waiting = self._waiting[table]
        waiting.append(arrow)
        if sum(part.num_rows for part in waiting) >= ROWS_IN_GROUP:
            self._flush(table, last=False)

    def finish(self, *, filters: Mapping[str, Any], licence: str | Sequence[str]) -> str:
        """Close every file, write the manifest, rename into place; returns the digest."""
        for table in SCHEMAS:
            self._flush(table, last=True)
        files = {f"{name}.parquet": file_digest(self._file(name)) for name in SCHEMAS}
        digest = snapshot_digest(files)
        manifest = {
            "format_version": FORMAT_VERSION,
            "digest": digest,
            "counts": self.counts,
            "filters": dict(filters),
            "licence": licence if isinstance(licence, str) else list(licence),
            "files": files,
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False)
        (self._partial / "manifest.json").write_text(text + "\n", encoding="utf-8")
        # One rename: whoever looks finds a whole snapshot or none.
        self._partial.replace(self._out)
        return digest

    def _flush(self, table: str, *, last: bool) -> None:
        """Write full row groups; the last time, what is left, too."""
        parts = self._waiting[table]
        if parts:
            whole = pa.concat_tables(parts)
            end = whole.num_rows if last else whole.num_rows - whole.num_rows % ROWS_IN_GROUP
            for start in range(0, end, ROWS_IN_GROUP):
                self._write_group(table, whole.slice(start, min(ROWS_IN_GROUP, end - start)))
            # What does not fill a group waits for the next rows.
            self._waiting[table] = [whole.slice(end)] if end < whole.num_rows else []
        if last:
            self._writer(table, SCHEMAS[table]).close()

    def _write_group(self, table: str, rows: pa.Table) -> None:
        """Write one row group."""
        group = rows.combine_chunks()
        self._writer(table, group.schema).write_table(group, row_group_size=ROWS_IN_GROUP)

    def _writer(self, table: str, schema: pa.Schema) -> pq.ParquetWriter:
        """Return a table's writer, opened by the columns of its first rows."""
        if table not in self._writers:
            self._writers[table] = pq.ParquetWriter(
                # Metadata of whoever made the rows would change the digest.
                self._file(table),
                schema.remove_metadata(),
                compression="zstd",
            )
        return self._writers[table]

    def _file(self, table: str) -> Path:
        """Return where a table is written."""
        return self._partial / f"{table}.parquet"


def snapshot_digest(files: Mapping[str, str]) -> str:
    """SHA-256 over (name, SHA-256 of the bytes) of every file, in the order of the schemas."""
    names = [f"{name}.parquet" for name in SCHEMAS if f"{name}.parquet" in files]
    lines = "".join(f"{name} {files[name]}\n" for name in names)
    return hashlib.sha256(lines.encode()).hexdigest()


def _as_table(name: str, rows: Rows) -> pa.Table:
    """Return rows as a table whose first columns are the schema's."""
    schema = SCHEMAS[name]
    if isinstance(rows, pa.RecordBatch):
        rows = pa.Table.from_batches([rows])
    if not isinstance(rows, pa.Table):
        return pa.Table.from_pylist(list(rows), schema=schema)
    extra = [field for field in rows.schema if field.name not in schema.names]
    wanted = pa.schema([*schema, *extra])
    return rows.select(wanted.names).cast(wanted)
