"""Readers of public formats: any file becomes a stream of records and of what was skipped.

Each module states one `FORMAT`; FORMATS is the only list of them. A new format is a module, its
line here, a row of docs/formats.md (`--list-formats` prints it) and tests.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from trainers.data.choices import Choice, RaterKind
from trainers.data.formats import (
    arena,
    helpsteer,
    hh,
    multipref,
    outcomes,
    preferences,
    responses,
    trl,
    ultrafeedback,
)
from trainers.data.formats.base import Format
from trainers.data.formats.files import Table, open_table
from trainers.data.formats.mapping import mapped
from trainers.data.formats.profiles import Profile, load_profile
from trainers.data.formats.records import (
    Judgment,
    Message,
    OutcomeRecord,
    PairRecord,
    Record,
    ResponseRecord,
    Skipped,
)
from trainers.errors import InputError

__all__ = [
    "FORMATS",
    "Choice",
    "Judgment",
    "Message",
    "OutcomeRecord",
    "PairRecord",
    "RaterKind",
    "Record",
    "ResponseRecord",
    "Skipped",
    "format_table",
    "read",
]

FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT
    for module in (
        preferences,
        trl,
        hh,
        arena,
        multipref,
        ultrafeedback,
        helpsteer,
        responses,
        outcomes,
    )
}


def format_table() -> str:
    """Return the formats as a Markdown table: what `--list-formats` prints and the docs hold."""
    rows = [f"| `{one.name}` | {one.description} |" for one in FORMATS.values()]
    return "\n".join(["| format | a row |", "|---|---|", *rows])


def read(
    path: Path,
    *,
    format: str,  # noqa: A002 - the word of the command line and of profiles
    profile: Path | None = None,
    source: str | None = None,
    limit: int | None = None,
) -> Iterator[Record | Skipped]:
    """Stream a file's records in its order, in memory that does not grow with the file.

    A row that cannot be used comes as Skipped; a file or a profile that cannot raises
    InputError here, before the first record. `source` names where the data are from, unless
    rows do so themselves; it defaults to the profile's constant, then to the file's name.
    `limit` counts rows of the file. A file that a profile joins is held in memory.
    """
    if format not in FORMATS:
        raise InputError(f"unknown format {format!r}; known are {', '.join(FORMATS)}")
    reader = FORMATS[format]
    if profile is None:
        table = _limited(open_table(path), limit)
        _check_columns(table, reader)
        return reader.read(table.rows, source or _stem(path))
    plan = load_profile(profile)
    if plan.format != format:
        raise InputError(f"profile {profile}: is for {plan.format!r}, not for {format!r}")
    named = plan.constants.get("source")
    plan = replace(
        plan, constants={key: value for key, value in plan.constants.items() if key != "source"}
    )
    table = _limited(open_table(path, _wanted(plan)), limit)
    return reader.read(mapped(table, plan, reader), source or named or _stem(path))


def _wanted(plan: Profile) -> set[str] | None:
    """Return the columns to read; None for all, where the profile does not name them."""
    if plan.wide is not None and plan.wide.models is None:
        return None
    return plan.sources().union(*(join.left for join in plan.joins))


def _limited(table: Table, limit: int | None) -> Table:
    """Return the table with its first rows alone."""
    return table if limit is None else replace(table, rows=islice(table.rows, limit))


def _check_columns(table: Table, reader: Format) -> None:
    """Raise InputError where a column that a format needs is missing from the whole file."""
    if not table.columns:
        return
    for group in filter(None, (*reader.required, reader.verdict)):
        if not table.columns.intersection(group):
            names = " or ".join(repr(name) for name in group)
            raise InputError.at(table.path, f"the column {names} is missing", column=group[0])


def _stem(path: Path) -> str:
    """Return the name of a file without its endings, or the hub name as it is."""
    return path.name.split(".", 1)[0] if path.exists() else path.as_posix()
