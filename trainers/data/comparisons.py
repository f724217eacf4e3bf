"""The comparisons of a snapshot as arrays: one soft label each, from its consensus."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainers.arrays import Bools, Floats, Strings
from trainers.data.snapshot import Snapshot
from trainers.data.texts import Conversation, prompt_text

ABOUT = ["prompt_id", "response_a", "response_b", "model_a", "model_b"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparisons:
    """Columns [n], ordered by comparison id.

    label     P(a is preferred) = p_a + (p_tie + p_both_bad) / 2, as rankings count ties
    tie       p_tie + p_both_bad: no side is preferred
    strength  mean strength of the comparison's judgments, in (0, 1]; 0 where none was given
    weight    mean weight of the comparison's judgments
    """

    comparison_id: Strings
    prompt_id: Strings
    response_a: Strings
    response_b: Strings
    model_a: Strings
    model_b: Strings
    label: Floats
    tie: Floats
    strength: Floats
    weight: Floats

    def __len__(self) -> int:
        return len(self.label)

    def where(self, rows: NDArray[Any]) -> Self:
        """Return the comparisons of a mask or of row numbers."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @property
    def between_models(self) -> Bools:
        """Return where both sides' models are known and differ."""
        pairs = zip(self.model_a, self.model_b, strict=True)
        return np.array([a is not None and b is not None and a != b for a, b in pairs], bool)

    @property
    def not_tied(self) -> Bools:
        """Return where one side is preferred: p_a differs from p_b by more than rounding."""
        return np.abs(self.label - 0.5) > 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """Messages, text and split of every prompt; a prompt of imported votes may have no text."""

    messages: dict[str, Conversation]
    text: dict[str, str]
    split: dict[str, str]


def read_prompts(snapshot: Snapshot) -> Prompts:
    """Return every prompt of the snapshot by its id."""
    table = snapshot.table("prompts", ["prompt_id", "messages", "split"])
    ids = table["prompt_id"].to_pylist()
    messages = [said or [] for said in table["messages"].to_pylist()]
    return Prompts(
        messages=dict(zip(ids, messages, strict=True)),
        text=dict(zip(ids, map(prompt_text, messages), strict=True)),
        split=dict(zip(ids, table["split"].to_pylist(), strict=True)),
    )


def read_comparisons(snapshot: Snapshot) -> Comparisons:
    """Return every comparison that has a consensus and a judgment of positive weight."""
    judgments = snapshot.table("preferences", ["comparison_id", *ABOUT, "strength", "weight"])
    # Without threads the order of judgments, and so the last bit of the means, is always the same.
    grouped = judgments.group_by("comparison_id", use_threads=False).aggregate(
        # Sides are the same in every judgment of a comparison, so the first has them.
        [*((column, "first") for column in ABOUT), ("strength", "mean"), ("weight", "mean")]
    )
    joined = grouped.join(snapshot.table("consensus"), "comparison_id", join_type="inner")
    rows = joined.sort_by("comparison_id")
    shares = [_numbers(rows, f"p_{choice}") for choice in ("a", "tie", "both_bad")]
    # Clipped: a posterior that sums to 1 but for rounding may bring a label just past it.
    comparisons = Comparisons(
        comparison_id=_strings(rows, "comparison_id"),
        **{column: _strings(rows, f"{column}_first") for column in ABOUT},
        label=np.clip(shares[0] + 0.5 * (shares[1] + shares[2]), 0.0, 1.0),
        tie=np.clip(shares[1] + shares[2], 0.0, 1.0),
        strength=np.nan_to_num(_numbers(rows, "strength_mean")),
        weight=_numbers(rows, "weight_mean"),
    )
    return comparisons.where(comparisons.weight > 0)


def _strings(table: pa.Table, column: str) -> Strings:
    """Return a column as an object array of str or None, [n]."""
    return np.array([*table[column].to_pylist(), None], object)[
        :-1
    ]  # an object array even when empty


def _numbers(table: pa.Table, column: str) -> Floats:
    """Return a column as floats, [n]; NaN for null."""
    return np.asarray(table[column].to_numpy(), np.float64)
