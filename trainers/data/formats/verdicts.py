"""One judgment out of a row, as a profile's judgment block describes it."""

from trainers.data.choices import Choice
from trainers.data.formats.fields import (
    Row,
    RowError,
    as_text,
    label,
    milliseconds,
    optional_text,
    strength_of,
    timestamp,
    unit_number,
)
from trainers.data.formats.profiles import JudgmentBlock
from trainers.data.formats.records import Judgment


def judgment_in(values: Row, block: JudgmentBlock) -> Judgment | None:
    """Return the block's judgment; None where the row holds no verdict of this rater."""
    found = _verdict(values, block)
    if found is None:
        return None
    choice, strength = found
    columns = block.columns
    if "strength" in columns:
        strength = strength_of(values, columns["strength"], choice)
    return Judgment(
        rater=block.rater or label(values, block.rater_column or ""),
        rater_kind=block.rater_kind,
        choice=choice,
        strength=strength,
        confidence=unit_number(values, columns.get("confidence", "")),
        rationale=optional_text(values, columns.get("rationale", "")) or "",
        created_at=timestamp(values, columns.get("created_at", "")),
        duration_ms=_duration(values, block),
    )


def _verdict(values: Row, block: JudgmentBlock) -> tuple[Choice, float | None] | None:
    """Return choice and strength that the block reads in a row, or None."""
    if block.share is not None:
        return _majority(values, block.share)
    column = block.choice or ""
    value = values.get(column)
    if value is None:
        return None
    # By how a number reads ("1" for 1.0), then as it is written.
    choice = block.values.get(as_text(value)) or block.values.get(str(value))
    if choice is None:
        listed = ", ".join(block.values)
        raise RowError(column, "unknown choice", f"{value!r:.60} is not among {listed}")
    if choice == "tie" and block.both_bad and as_text(values.get(block.both_bad)) == "true":
        choice = "both_bad"
    return choice, None


def _majority(values: Row, column: str) -> tuple[Choice, float | None] | None:
    """Return the side of more votes, and by how much: a share of 0.8 is a at strength 0.6."""
    share = unit_number(values, column)
    if share is None:
        return None
    if share == 0.5:
        return "tie", None
    return ("a" if share > 0.5 else "b"), abs(2 * share - 1)


def _duration(values: Row, block: JudgmentBlock) -> int | None:
    """Return how long the judgment took, in milliseconds."""
    if "duration_seconds" in block.columns:
        return milliseconds(values, block.columns["duration_seconds"], scale=1000)
    return milliseconds(values, block.columns.get("duration_ms", ""))
