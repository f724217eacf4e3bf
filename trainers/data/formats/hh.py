"""Dialogues of Anthropic's hh-rlhf: two transcripts that differ in their last answer."""

from collections.abc import Iterator

from trainers.data.formats.base import (
    ANONYMOUS,
    Format,
    checked_pair,
    judgments_of,
    language_of,
    row_by_row,
    shared_fields,
)
from trainers.data.formats.conversations import dialogue, split_pair
from trainers.data.formats.fields import SourceRow, optional_label, text
from trainers.data.formats.records import Judgment, PairRecord


def parse(row: SourceRow, source: str) -> Iterator[PairRecord]:
    """Yield the pair of two transcripts; the chosen one is a."""
    chosen = dialogue("chosen", text(row.values, "chosen"))
    rejected = dialogue("rejected", text(row.values, "rejected"))
    messages, response_a, response_b = split_pair(chosen, rejected, "rejected")
    shared = shared_fields(row, source)
    shared["messages"] = messages
    pair = PairRecord(
        **shared,
        response_a=response_a,
        response_b=response_b,
        model_a=optional_label(row.values, "model_a"),
        model_b=optional_label(row.values, "model_b"),
        language=language_of(row.values),
        judgments=judgments_of(row, lambda _: Judgment(ANONYMOUS, "human", "a")),
    )
    yield checked_pair(pair)


FORMAT = Format(
    name="hh",
    description="`chosen`, `rejected`: transcripts that share all but the last answer",
    read=row_by_row(parse),
    required=(("chosen",), ("rejected",)),
)
