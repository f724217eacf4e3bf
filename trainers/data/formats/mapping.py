"""Applying a profile: rows of any file become rows of a format, with their judgments."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from trainers.data.formats.base import Format, Items
from trainers.data.formats.fields import Row, RowError, SourceRow, as_text, checked
from trainers.data.formats.files import Table
from trainers.data.formats.joins import Joined, join_columns
from trainers.data.formats.profiles import Profile, Wide
from trainers.data.formats.records import Judgment, Skipped
from trainers.data.formats.verdicts import judgment_in
from trainers.errors import InputError

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def mapped(table: Table, profile: Profile, reader: Format) -> Items:
    """Return the rows of `table` under the format's own column names."""
    joins = _joins(table, profile)
    _check(table, profile, reader, joins)
    return _rows(table, profile, reader, joins)


def _rows(table: Table, profile: Profile, reader: Format, joins: list[Joined]) -> Items:
    """Yield the mapped rows that match `where`."""
    models = _models(table, profile.wide) if profile.wide is not None else ()
    for item in table.rows:
        if isinstance(item, Skipped):
            yield item
            continue
        try:
            values = _joined(item.values, joins)
            if any(as_text(values.get(key)) != value for key, value in profile.where.items()):
                continue
            target = _target(values, profile)
        except RowError as error:
            yield Skipped(item.number, error.column, error.reason, error.detail)
            continue
        if profile.wide is not None:
            yield from _long(item.number, values, target, profile.wide, models)
        elif profile.judgments:
            yield from _judged(item.number, values, target, profile)
        else:
            # () and not None: the row's own verdict is not read where a profile names no judgments.
            yield SourceRow(item.number, target, () if reader.verdict else None)


def _joins(table: Table, profile: Profile) -> list[Joined]:
    """Read the files that the profile joins."""
    wanted = profile.sources().union(*(join.left for join in profile.joins))
    return [
        join_columns(join, profile=profile.path, file=table.path, wanted=wanted)
        for join in profile.joins
    ]


def _joined(values: Row, joins: list[Joined]) -> Row:
    """Return a row with the joined columns; its own win over joined ones of the same name."""
    for joined in joins:
        values = {**joined.find(values), **values}
    return values


def _target(values: Row, profile: Profile) -> dict[str, Any]:
    """Return a row under the format's column names."""
    target: dict[str, Any] = {
        name: values.get(columns[0])
        if _plain(columns, profile)
        else _composed(values, columns, profile)
        for name, columns in profile.columns.items()
    }
    if profile.topics is not None and values.get(profile.topics) is not None:
        target["topics"] = values[profile.topics]
    if profile.external_prefix and target.get("external_id") is not None:
        target["external_id"] = profile.external_prefix + as_text(target["external_id"])
    if profile.scores and target.get("score") is not None:
        target["score"] = _score("score", target["score"], profile.scores)
    return {**target, **profile.constants}


def _score(column: str, value: Any, scores: Mapping[str, float]) -> Any:
    """Return what a value counts as; without a list of scores it is one itself."""
    if not scores:
        return value
    if as_text(value) not in scores:
        raise RowError(column, "unknown score", f"{value!r:.60} is not among {', '.join(scores)}")
    return scores[as_text(value)]


def _plain(columns: tuple[str, ...], profile: Profile) -> bool:
    """Return whether a target is one column as it is."""
    return len(columns) == 1 and columns[0] not in profile.lettered


def _composed(values: Row, columns: tuple[str, ...], profile: Profile) -> str | None:
    """Several columns joined by an empty line; columns with nothing in them leave none."""
    parts = []
    for column in columns:
        value = values.get(column)
        if column in profile.lettered:
            value = _lettered(column, value)
        if value is not None and value != "":
            parts.append(as_text(value))
    return "\n\n".join(parts) if parts else None


def _lettered(column: str, value: Any) -> str | None:
    """Return a list, or JSON text of one, as lines that begin with a letter."""
    if value is None:
        return None
    try:
        options = json.loads(checked(column, value)) if isinstance(value, str) else value
        # Not strict: there are fewer options than letters.
        lines = [f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False)]
    except (ValueError, TypeError) as error:
        raise RowError(column, "wrong type", "not a list of options") from error
    return "\n".join(lines)


def _judged(
    number: int, values: Row, target: Row, profile: Profile
) -> Iterator[SourceRow | Skipped]:
    """Yield the row with every judgment that can be read; what cannot is counted by itself."""
    judgments: list[Judgment] = []
    refused: list[Skipped] = []
    for block in profile.judgments:
        try:
            judgment = judgment_in(values, block)
        except RowError as error:
            refused.append(Skipped(number, error.column, error.reason, error.detail))
            continue
        if judgment is not None:
            judgments.append(judgment)
    yield from refused
    # A row whose every judgment was refused brings nothing but its refusals.
    if judgments or not refused:
        yield SourceRow(number, target, tuple(judgments))


def _models(table: Table, wide: Wide) -> tuple[str, ...]:
    """Return the columns that are models."""
    if wide.models is not None:
        return wide.models
    return tuple(sorted(table.columns - set(wide.excluded)))


def _long(
    number: int, values: Row, target: Row, wide: Wide, models: tuple[str, ...]
) -> Iterator[SourceRow | Skipped]:
    """Yield one row a model; a model that was not run has none."""
    for model in models:
        value = values.get(model)
        if value is None:
            continue
        try:
            score = _score(model, value, wide.scores)
        except RowError as error:
            yield Skipped(number, error.column, error.reason, error.detail)
            continue
        identity = target.get("external_id")
        own_id = {} if identity is None else {"external_id": f"{as_text(identity)}/{model}"}
        yield SourceRow(number, {**target, "model": model, "score": score, **own_id})


def _check(table: Table, profile: Profile, reader: Format, joins: list[Joined]) -> None:
    """Raise InputError unless every column of the profile is in the file or comes by a join."""
    targets = {*profile.columns, *profile.constants}
    for target in targets:
        if reader.known is not None and target not in reader.known:
            raise InputError(f"profile {profile.path}: {profile.format} has no column {target!r}")
    filled = targets | ({"model", "score"} if profile.wide is not None else set())
    for group in reader.required:
        if not filled.intersection(group):
            names = " or ".join(repr(name) for name in group)
            raise InputError(f"profile {profile.path}: {profile.format} needs {names}")
    here = set(table.columns)
    for joined in joins:
        here |= joined.columns
    needed = profile.sources().union(*(join.left for join in profile.joins))
    missing = sorted(needed - here)
    # A file without rows shows no columns, and lacks none.
    if missing and table.columns:
        raise InputError.at(table.path, "the column is missing", column=missing[0])
