"""Joining: a second file, held in memory by its key, adds columns to the rows of the first."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainers.data.formats.fields import Row, RowError, as_text
from trainers.data.formats.files import Table, open_table
from trainers.data.formats.profiles import Join
from trainers.data.formats.records import Skipped
from trainers.errors import InputError

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A second file by key; `columns` are those that it adds to a row."""

    join: Join
    name: str
    columns: frozenset[str]
    index: Mapping[Key, Mapping[str, Any]]

    def find(self, row: Row) -> Mapping[str, Any]:
        """Return the columns for this row. Raises RowError where there is no match."""
        key = _key(row, self.join.left)
        found = self.index.get(key)
        if found is None:
            detail = f"{', '.join(key):.60} is not in {self.name}"
            raise RowError(", ".join(self.join.left), "no match in joined file", detail)
        return found


def join_columns(join: Join, *, profile: Path, file: Path, wanted: Collection[str]) -> Joined:
    """Read the second file once, of its columns only what the profile wants."""
    path = _beside(join.path, profile, file)
    named = {name.removeprefix(join.prefix) for name in wanted if name.startswith(join.prefix)}
    table = open_table(path, named | set(join.right))
    for column in join.right:
        if column not in table.columns:
            raise InputError.at(path, "the column to join on is missing", column=column)
    columns = frozenset(join.prefix + name for name in table.columns)
    return Joined(join=join, name=path.name, columns=columns, index=_index(table, join))


def _index(table: Table, join: Join) -> dict[Key, Mapping[str, Any]]:
    """Return the joined file's rows by key. Raises InputError for a key that occurs twice."""
    index: dict[Key, Mapping[str, Any]] = {}
    for row in table.rows:
        if isinstance(row, Skipped):
            raise InputError.at(table.path, row.detail, row=row.row, column=row.column)
        key = _key(row.values, join.right)
        if key in index:
            message = f"{', '.join(key)} occurs twice; a join needs a key that is unique"
            raise InputError.at(table.path, message, row=row.number, column=", ".join(join.right))
        index[key] = {join.prefix + name: value for name, value in row.values.items()}
    return index


def _key(row: Row, columns: tuple[str, ...]) -> Key:
    """Return the values to join on, as texts."""
    return tuple(as_text(row.get(column)) for column in columns)


def _beside(name: str, profile: Path, file: Path) -> Path:
    """Return a path relative to the profile or to the file. Raises InputError for neither."""
    for folder in (profile.parent, file.parent):
        if (folder / name).exists():
            return folder / name
    raise InputError.at(profile, f"{name} lies neither beside the profile nor beside {file}")
