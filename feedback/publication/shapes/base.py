"""What a shape of the export is, and what an export asks of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from django.utils.functional import Promise

Row = dict[str, Any]

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
TIME = pa.timestamp("us", tz="UTC")

# The filters that an export may be asked with, and what each keeps. A shape lists those it knows.
FILTERS = {
    "topic": "Prompts of this topic, by its slug.",
    "language": "Prompts in this language, by its code.",
    "rater_kind": "What people (`human`) or AI judges (`ai`) judged.",
    "campaign": "What was judged in this campaign, by its slug.",
}
OF_PROMPTS = ("topic", "language")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportQuery:
    """One export. `since` is a publication number; rows up to `until` are given."""

    shape: str = "preferences"
    format: str = "jsonl"
    since: int | None = None
    until: int = 0
    topic: str = ""
    language: str = ""
    rater_kind: str = ""
    campaign: str = ""

    def parameters(self) -> dict[str, Any]:
        """Return what the statements of the shapes are filled with."""
        return {
            "since": self.since or 0,
            "until": self.until,
            "topic": self.topic,
            "language": self.language,
            "rater_kind": self.rater_kind,
            "campaign": self.campaign,
        }


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a shape: its name, its type in Parquet, and what it says."""

    name: str
    type: pa.DataType
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One shape of the export; all that is known of it stands here.

    `chunks` gives the rows, a bounded number at a time, each chunk by a query of its own.
    """

    name: str
    description: Promise  # a sentence for people
    columns: tuple[Column, ...]
    filters: tuple[str, ...]  # of FILTERS; the others change nothing
    chunks: Callable[[ExportQuery], Iterator[list[Row]]]
    can_follow: bool = False  # whether `since` works: one row a judgment, in order of publication

    @property
    def schema(self) -> pa.Schema:
        """Return the columns as Parquet has them."""
        return pa.schema([(column.name, column.type) for column in self.columns])
