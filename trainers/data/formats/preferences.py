"""Our own format: the rows that the `preferences` export writes, one judgment a row."""

from collections.abc import Iterator, Mapping

from trainers.data.choices import CHOICES, RATER_KINDS, Choice, RaterKind
from trainers.data.formats.base import (
    ANONYMOUS,
    PROMPTS,
    SHARED_COLUMNS,
    Format,
    checked_pair,
    judgments_of,
    language_of,
    row_by_row,
    shared_fields,
)
from trainers.data.formats.fields import (
    Row,
    RowError,
    SourceRow,
    label,
    milliseconds,
    names,
    optional_label,
    optional_text,
    strength_of,
    structure,
    timestamp,
    unit_number,
)
from trainers.data.formats.records import Judgment, Order, PairRecord

ORDERS: dict[str, Order] = {"ab": "ab", "ba": "ba"}


def parse(row: SourceRow, source: str) -> Iterator[PairRecord]:
    """Yield an exported judgment's pair."""
    values = row.values
    shared = shared_fields(row, source)
    shared["external_id"] = shared["external_id"] or optional_label(values, "id")
    if not shared["messages"]:
        # An exported vote without texts knows its question only through its comparison.
        shared["question_id"] = shared["question_id"] or optional_label(values, "comparison_id")
    pair = PairRecord(
        **shared,
        response_a=optional_text(values, "response_a"),
        response_b=optional_text(values, "response_b"),
        model_a=optional_label(values, "model_a"),
        model_b=optional_label(values, "model_b"),
        language=language_of(values),
        judgments=judgments_of(row, own_judgment),
    )
    yield checked_pair(pair)


def own_judgment(values: Row) -> Judgment:
    """Return the judgment that the row's own columns hold."""
    judge = optional_label(values, "judge")
    order = optional_label(values, "order_shown")
    choice = choice_of(label(values, "choice"), "choice", CHOICES)
    return Judgment(
        rater=optional_label(values, "rater_id") or judge or ANONYMOUS,
        rater_kind=rater_kind(values, default="ai" if judge else "human"),
        choice=choice,
        strength=strength_of(values, "strength", choice),
        confidence=unit_number(values, "confidence"),
        aspects=structure(values, "aspects", dict) or {},
        reasons=list(names(values, "reasons")),
        rationale=optional_text(values, "rationale") or "",
        duration_ms=milliseconds(values, "duration_ms"),
        created_at=timestamp(values, "created_at"),
        order_shown=ORDERS.get(order) if order else None,
        role="author" if values.get("rater_role") == "author" else "third_party",
    )


def choice_of(value: str, column: str, choices: Mapping[str, Choice]) -> Choice:
    """Return the choice that a value stands for; one that is not listed is never guessed."""
    if value not in choices:
        raise RowError(column, "unknown choice", f"{value!r:.60} is not among {', '.join(choices)}")
    return choices[value]


def rater_kind(values: Row, *, default: RaterKind) -> RaterKind:
    """Return whether a person or an AI judged. Raises RowError for any other kind."""
    found = optional_label(values, "rater_kind") or default
    if found not in RATER_KINDS:
        raise RowError("rater_kind", "unknown rater kind", f"{found!r} is neither human nor ai")
    return RATER_KINDS[found]


FORMAT = Format(
    name="preferences",
    description=(
        "what our own export writes: one judgment. Also `prompt` (one message) or `dialogue` "
        "(a transcript with `Human:` and `Assistant:`) instead of `messages`, and "
        "`question_id` for votes without texts"
    ),
    read=row_by_row(parse),
    required=(
        (*PROMPTS, "question_id", "comparison_id"),
        ("response_a", "model_a"),
        ("response_b", "model_b"),
    ),
    verdict=("choice",),
    known=SHARED_COLUMNS
    | {"response_a", "response_b", "model_a", "model_b", "choice", "strength", "confidence"}
    | {"aspects", "reasons", "rationale", "rater_id", "rater_kind", "rater_role", "judge"}
    | {"order_shown", "duration_ms", "created_at", "comparison_id"},
)
