"""Profiles: TOML files that map any other file onto one of the formats.

This module reads and checks a profile; `mapping` applies it to rows.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainers.data.choices import CHOICES, RATER_KINDS, Choice, RaterKind
from trainers.data.formats.fields import as_text
from trainers.errors import InputError

TABLES = {
    "format",
    "where",
    "join",
    "external_prefix",
    "lettered",
    "columns",
    "constants",
    "judgments",
    "scores",
    "wide",
    "topics",
}
JUDGMENT_KEYS = {"choice", "share", "rater", "rater_column", "rater_kind", "values", "both_bad"}
JUDGMENT_COLUMNS = {
    "strength",
    "confidence",
    "rationale",
    "created_at",
    "duration_ms",
    "duration_seconds",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Columns of another file, found by key and named with a prefix."""

    path: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgmentBlock:
    """Where one rater's verdict of a row stands, and what its values mean.

    Either `choice` holds a value to look up in `values`, or `share` holds the share of votes
    for a, from several people whose single votes are not known.
    """

    choice: str | None
    share: str | None
    rater: str | None
    rater_column: str | None
    rater_kind: RaterKind
    values: Mapping[str, Choice]
    both_bad: str | None
    columns: Mapping[str, str]

    def sources(self) -> Iterator[str]:
        """Yield every column of the file that this block reads."""
        named = (self.choice, self.share, self.rater_column, self.both_bad)
        yield from (column for column in named if column is not None)
        yield from self.columns.values()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    """Outcomes with one column a model: these columns, or all but some."""

    models: tuple[str, ...] | None
    excluded: tuple[str, ...]
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How the rows of one file become rows of a format."""

    path: Path
    format: str
    where: Mapping[str, str]
    joins: tuple[Join, ...]
    external_prefix: str
    lettered: frozenset[str]
    columns: Mapping[str, tuple[str, ...]]
    constants: Mapping[str, Any]
    judgments: tuple[JudgmentBlock, ...]
    scores: Mapping[str, float]
    wide: Wide | None
    topics: str | None

    def sources(self) -> set[str]:
        """Return every column that the profile names, of the file or of what is joined to it."""
        found = {column for columns in self.columns.values() for column in columns}
        found.update(self.where)
        for block in self.judgments:
            found.update(block.sources())
        if self.wide is not None and self.wide.models is not None:
            found.update(self.wide.models)
        if self.topics is not None:
            found.add(self.topics)
        return found


def load_profile(path: Path) -> Profile:
    """Read and check a profile; a name of one that is shipped works as well as a path."""
    path = shipped(path)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError.at(path, f"the profile cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError.at(path, f"the profile is not TOML ({error})") from error
    _Reader(path).refuse_unknown(document, TABLES, "")
    return _Reader(path).profile(document)


def shipped(path: Path) -> Path:
    """`llmfao_votes` or `llmfao_votes.toml` mean the profile of that name in this package."""
    inside = Path(__file__).parent / "profiles" / path.with_suffix(".toml").name
    return inside if not path.exists() and path.parent == Path() and inside.exists() else path


class _Reader:
    """Turns the TOML document into a Profile, naming the profile and the key of each problem."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def profile(self, document: Mapping[str, Any]) -> Profile:
        """Return the checked profile."""
        columns = self.table(document, "columns")
        joins = document.get("join", [])
        return Profile(
            path=self.path,
            format=self.string(document, "format", ""),
            where={key: as_text(value) for key, value in self.table(document, "where").items()},
            joins=tuple(
                self.join(block) for block in ([joins] if isinstance(joins, dict) else joins)
            ),
            lettered=frozenset(self.strings(document, "lettered", "")),
            external_prefix=str(document.get("external_prefix", "")),
            columns={target: self.strings(columns, target, "columns.") for target in columns},
            constants=self.table(document, "constants"),
            judgments=tuple(self.judgment(block) for block in document.get("judgments", [])),
            scores=self.scores(document),
            wide=self.wide(document["wide"]) if "wide" in document else None,
            topics=self.string(document["topics"], "column", "topics.")
            if "topics" in document
            else None,
        )

    def join(self, block: Mapping[str, Any]) -> Join:
        """Return one join."""
        self.refuse_unknown(block, {"path", "on", "left", "right", "prefix"}, "join.")
        sides = ("on", "on") if "on" in block else ("left", "right")
        left, right = (self.strings(block, side, "join.") for side in sides)
        if not left or len(left) != len(right):
            raise self.problem("join", "needs `on`, or `left` and `right` of one length")
        return Join(
            path=self.string(block, "path", "join."),
            left=left,
            right=right,
            prefix=str(block.get("prefix", "")),
        )

    def judgment(self, block: Mapping[str, Any]) -> JudgmentBlock:
        """Return where one rater's verdict stands."""
        self.refuse_unknown(block, JUDGMENT_KEYS | JUDGMENT_COLUMNS, "judgments.")
        if ("choice" in block) == ("share" in block):
            raise self.problem("judgments", "needs either `choice` or `share`")
        if ("rater" in block) == ("rater_column" in block):
            raise self.problem("judgments", "needs either `rater` or `rater_column`")
        kind = block.get("rater_kind", "human")
        if kind not in RATER_KINDS:
            raise self.problem("judgments.rater_kind", f"{kind!r} is neither human nor ai")
        return JudgmentBlock(
            choice=block.get("choice"),
            share=block.get("share"),
            rater=block.get("rater"),
            rater_column=block.get("rater_column"),
            rater_kind=RATER_KINDS[kind],
            values=self.choices(block.get("values", CHOICES)),
            both_bad=block.get("both_bad"),
            columns={key: block[key] for key in sorted(JUDGMENT_COLUMNS & block.keys())},
        )

    def choices(self, values: Mapping[str, str]) -> dict[str, Choice]:
        """Return what values stand for."""
        for value, choice in values.items():
            if choice not in CHOICES:
                raise self.problem(f"judgments.values.{value}", f"unknown choice {choice!r}")
        return {value: CHOICES[choice] for value, choice in values.items()}

    def wide(self, block: Mapping[str, Any]) -> Wide:
        """Return which columns are models."""
        self.refuse_unknown(block, {"models", "except", "scores"}, "wide.")
        if ("models" in block) == ("except" in block):
            raise self.problem("wide", "needs either `models` or `except`")
        models = self.strings(block, "models", "wide.") if "models" in block else None
        return Wide(
            models=models,
            excluded=self.strings(block, "except", "wide."),
            scores=self.scores(block),
        )

    def scores(self, block: Mapping[str, Any]) -> dict[str, float]:
        """Return what values count as, in [0, 1]."""
        scores = self.table(block, "scores")
        for value, score in scores.items():
            if not isinstance(score, int | float) or not 0 <= score <= 1:
                raise self.problem(f"scores.{value}", f"{score!r} is not a number in [0, 1]")
        return {value: float(score) for value, score in scores.items()}

    def table(self, document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """Return a table, or an empty one."""
        value = document.get(key, {})
        if not isinstance(value, dict):
            raise self.problem(key, "must be a table")
        return value

    def string(self, document: Mapping[str, Any], key: str, prefix: str) -> str:
        """Return a text that must be there."""
        value = document.get(key)
        if not isinstance(value, str):
            raise self.problem(prefix + key, "must be a text")
        return value

    def strings(self, document: Mapping[str, Any], key: str, prefix: str) -> tuple[str, ...]:
        """Return one text or a list of texts as a tuple."""
        value = document.get(key, [])
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise self.problem(prefix + key, "must be a text or a list of texts")
        return tuple(found)

    def refuse_unknown(self, block: Mapping[str, Any], known: set[str], prefix: str) -> None:
        """Raise InputError for a key that means nothing: a typo would be ignored in silence."""
        if not isinstance(block, dict):
            raise self.problem(prefix.rstrip("."), "must be a table")
        for key in block:
            if key not in known:
                raise self.problem(prefix + key, "unknown key")

    def problem(self, key: str, message: str) -> InputError:
        """Return the error for a key."""
        return InputError(f"profile {self.path}, key {key!r}: {message}")
