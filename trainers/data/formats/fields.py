"""Typed reading of one value of a row; what is wrong with it becomes a RowError."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trainers.data.choices import Choice
from trainers.data.formats.records import Judgment

Row = Mapping[str, Any]

MAX_TEXT = 1_000_000
MAX_STRENGTH = 1000


class RowError(Exception):
    """One value of one row is unusable: the row is skipped and counted by `reason`."""

    def __init__(self, column: str | None, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.column, self.reason, self.detail = column, reason, detail or reason


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row of a file under its number; `judgments` when a profile has already read them."""

    number: int
    values: Row
    judgments: tuple[Judgment, ...] | None = None


def checked(column: str, value: str) -> str:
    """Text that a database can hold: not too long, no NUL byte, valid Unicode."""
    if len(value) > MAX_TEXT:
        raise RowError(column, "text too long", f"{len(value)} characters, {MAX_TEXT} allowed")
    if "\0" in value:
        raise RowError(column, "NUL byte")
    # Only lone surrogates cannot be encoded, and ASCII has none.
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise RowError(column, "invalid UTF-8", str(error)) from error
    return value


def text(row: Row, column: str) -> str:
    """Return a text that must be there."""
    value = row.get(column)
    if value is None:
        raise RowError(column, "missing value")
    if not isinstance(value, str):
        raise RowError(column, "wrong type", f"{type(value).__name__} instead of text")
    return checked(column, value)


def optional_text(row: Row, column: str) -> str | None:
    """Return a text, or None where there is none."""
    return None if row.get(column) is None else text(row, column)


def label(row: Row, column: str) -> str:
    """Return a name or an identifier: text that is not empty, or a number written as text."""
    found = optional_label(row, column)
    if found is None:
        raise RowError(column, "missing value")
    return found


def optional_label(row: Row, column: str) -> str | None:
    """Return a name, or None where there is none."""
    value = row.get(column)
    if value is None or value == "":
        return None
    # A bool is an int to Python, and no name.
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RowError(column, "wrong type", f"{type(value).__name__} instead of a name")
    return checked(column, as_text(value))


def as_text(value: object) -> str:
    """Return how a value is compared with a key of a profile: 1.0 as "1", True as "true"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def optional_number(row: Row, column: str) -> float | None:
    """Return a finite number, also one written as text, or None."""
    value = row.get(column)
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise RowError(column, "wrong type", f"{value!r:.60} instead of a number") from error
    # Negated, so that NaN is refused too.
    if not abs(number) < float("inf"):
        raise RowError(column, "wrong type", f"{value!r} is not a finite number")
    return number


def strength_of(row: Row, column: str, choice: Choice, *, scale: float = 1.0) -> float | None:
    """Return how clear a winner is, scaled; a tie has no strength, and nought says nothing."""
    number = optional_number(row, column)
    if number is None:
        return None
    if not 0 <= number < MAX_STRENGTH:
        raise RowError(column, "outside its range", f"{number:g} is outside [0, {MAX_STRENGTH})")
    return number * scale if number and choice in ("a", "b") else None


def unit_number(row: Row, column: str) -> float | None:
    """Return a number in [0, 1], or None."""
    number = optional_number(row, column)
    if number is not None and not 0 <= number <= 1:
        raise RowError(column, "outside [0, 1]", f"{number:g} is outside [0, 1]")
    return number


def milliseconds(row: Row, column: str, *, scale: float = 1.0) -> int | None:
    """Return a duration, rounded to whole milliseconds, or None."""
    number = optional_number(row, column)
    if number is None:
        return None
    if not 0 <= number * scale < 2**31:
        raise RowError(column, "wrong type", f"{number:g} is not a duration")
    return round(number * scale)


def timestamp(row: Row, column: str) -> datetime | None:
    """Return a time: a datetime, ISO 8601 text (UTC unless it says otherwise), or seconds."""
    value = row.get(column)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            # Some files end their times in " UTC", which ISO 8601 does not know.
            value = datetime.fromisoformat(value.removesuffix(" UTC"))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            value = datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise RowError(column, "wrong type", f"{value!r:.60} is not a time") from error
    if not isinstance(value, datetime):
        raise RowError(column, "wrong type", f"{type(value).__name__} is not a time")
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def structure(row: Row, column: str, kind: type) -> Any:
    """Return a list or a dict, also one written as JSON text; None where there is none."""
    value = row.get(column)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        checked(column, value)
        try:
            value = json.loads(value)
        except ValueError as error:
            raise RowError(column, "wrong type", f"not JSON: {error}") from error
    if not isinstance(value, kind):
        name = type(value).__name__
        raise RowError(column, "wrong type", f"{name} instead of a {kind.__name__}")
    return value


def names(row: Row, column: str) -> tuple[str, ...]:
    """Return a list of short texts: from a list, JSON text of one, or a single bare text."""
    value = row.get(column)
    if value is None or value == "":
        return ()
    if isinstance(value, str) and not value.startswith("["):
        return (checked(column, value),)
    found = structure(row, column, list)
    return tuple(label({column: item}, column) for item in found or ())
