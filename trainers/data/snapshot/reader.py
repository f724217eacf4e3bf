"""Reading a snapshot: checked when it is opened, memory-mapped when a table is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from trainers.artifacts import file_digest, read_json
from trainers.data.snapshot.schemas import FORMAT_VERSION, LATER_TABLES, SCHEMAS, required
from trainers.data.snapshot.writer import snapshot_digest
from trainers.errors import InputError

MANIFEST_KEYS = ("format_version", "digest", "counts", "filters", "licence")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An immutable snapshot on disk; `Snapshot.open` checks it before anything is read."""

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: Path) -> Self:
        """Check the manifest, every file's columns and the digest of the bytes."""
        manifest = read_json(path / "manifest.json")
        for key in MANIFEST_KEYS:
            if key not in manifest:
                raise InputError.at(path / "manifest.json", "missing", column=key)
        if manifest["format_version"] != FORMAT_VERSION:
            version = manifest["format_version"]
            raise InputError.at(path / "manifest.json", f"unknown format version {version!r}")
        paths = [path / f"{name}.parquet" for name in SCHEMAS if _is_due(path, name)]
        for file in paths:
            _check_columns(file, required(file.stem))
        files = {file.name: file_digest(file) for file in paths}
        if snapshot_digest(files) != manifest["digest"]:
            raise InputError.at(path / "manifest.json", "the files differ from the digest")
        return cls(path, manifest)

    @property
    def digest(self) -> str:
        """Return the digest of the files' bytes, which names the snapshot."""
        return str(self.manifest["digest"])

    def table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """Return a table, or some of its columns; empty where an earlier version lacks it."""
        if not _is_due(self.path, name):
            return SCHEMAS[name].empty_table().select(columns or SCHEMAS[name].names)
        return pq.read_table(self.path / f"{name}.parquet", columns=columns, memory_map=True)


def _is_due(folder: Path, table: str) -> bool:
    """Return whether the snapshot must hold a table: an earlier version did without some."""
    return table not in LATER_TABLES or (folder / f"{table}.parquet").exists()


def _check_columns(path: Path, wanted: pa.Schema) -> None:
    """Raise InputError where a file lacks a column or has it as another type."""
    if not path.is_file():
        raise InputError.at(path, "the snapshot lacks this file")
    try:
        found = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError.at(path, f"is not readable Parquet ({error})") from error
    for field in wanted:
        if field.name not in found.names:
            raise InputError.at(path, "the column is missing", column=field.name)
        if not _same_kind(found.field(field.name).type, field.type):
            kind = found.field(field.name).type
            raise InputError.at(path, f"is {kind}, not {field.type}", column=field.name)


def _same_kind(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Equal types, or text in one of Arrow's other layouts, which other writers prefer."""
    if pa.types.is_string(wanted):
        return bool(pa.types.is_large_string(found) or pa.types.is_string(found))
    if pa.types.is_list(wanted):
        return bool(pa.types.is_list(found) or pa.types.is_large_list(found))
    if pa.types.is_floating(wanted):
        return bool(pa.types.is_floating(found))
    if pa.types.is_integer(wanted):
        return bool(pa.types.is_integer(found))
    return bool(found.equals(wanted))
