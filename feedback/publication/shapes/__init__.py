"""The shapes of the export: for each its columns and its rows, in chunks ordered by a key."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from feedback.publication.query import ExportQuery
from feedback.publication.shapes import consensus, judgments, outcomes, reactions
from feedback.publication.shapes.reading import Row


@dataclass(frozen=True, slots=True)
class Shape:
    """`chunks` gives the rows, a bounded number at a time, each chunk by a query of its own."""

    schema: pa.Schema
    chunks: Callable[[ExportQuery], Iterator[list[Row]]]


SHAPE: dict[str, Shape] = {
    "preferences": Shape(judgments.PREFERENCES, judgments.preferences),
    "votes": Shape(judgments.VOTES, judgments.votes),
    "consensus": Shape(consensus.CONSENSUS, consensus.consensus),
    "trl": Shape(consensus.TRL, consensus.trl),
    "unpaired": Shape(reactions.UNPAIRED, reactions.unpaired),
    "outcomes": Shape(outcomes.OUTCOMES, outcomes.outcomes),
}
