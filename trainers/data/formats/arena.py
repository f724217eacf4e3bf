"""Votes of model arenas: two models, a winner, with or without their conversations."""

from collections.abc import Iterator

from trainers.data.choices import Choice
from trainers.data.formats.base import (
    ANONYMOUS,
    Format,
    checked_pair,
    judgments_of,
    language_of,
    row_by_row,
    shared_fields,
)
from trainers.data.formats.conversations import messages_in, prompt_messages
from trainers.data.formats.fields import (
    Row,
    RowError,
    SourceRow,
    label,
    optional_label,
    optional_text,
    timestamp,
)
from trainers.data.formats.preferences import choice_of, rater_kind
from trainers.data.formats.records import Judgment, Message, PairRecord

WINNERS: dict[str, Choice] = {
    "model_a": "a",
    "model_b": "b",
    "tie": "tie",
    "tie (bothbad)": "both_bad",
    "both_bad": "both_bad",
}
# Arenas name the voter in one of these columns, or not at all.
VOTERS = ("rater_id", "judge", "judge_hash")
TIMES = ("created_at", "tstamp", "timestamp")


def parse(row: SourceRow, source: str) -> Iterator[PairRecord]:
    """Yield a vote's pair."""
    values = row.values
    messages, response_a, response_b = texts(values)
    # Blanked, because `texts` reads the conversation, from both sides at once.
    shared = shared_fields(
        SourceRow(row.number, {**values, "messages": None, "prompt": None}), source
    )
    shared["messages"] = messages
    shared["topics"] = shared["topics"] or tuple(filter(None, [optional_label(values, "topic")]))
    pair = PairRecord(
        **shared,
        response_a=response_a,
        response_b=response_b,
        model_a=label(values, "model_a"),
        model_b=label(values, "model_b"),
        language=language_of(values),
        judgments=judgments_of(row, own_judgment),
    )
    yield checked_pair(pair)


def own_judgment(values: Row) -> Judgment:
    """Return the judgment that the row's `winner` holds."""
    voter = next((column for column in VOTERS if values.get(column) is not None), "rater_id")
    time = next((column for column in TIMES if values.get(column) is not None), "created_at")
    return Judgment(
        rater=optional_label(values, voter) or ANONYMOUS,
        rater_kind=rater_kind(values, default="human"),
        choice=choice_of(label(values, "winner"), "winner", WINNERS),
        created_at=timestamp(values, time),
    )


def texts(values: Row) -> tuple[tuple[Message, ...], str | None, str | None]:
    """Return the shared conversation and the two answers at its end.

    After the first turn the two sides of an arena talk apart. Such a vote judges whole
    conversations: it keeps the opening message and counts for its models, without texts.
    """
    if values.get("conversation_a") is None or values.get("conversation_b") is None:
        return prompt_messages(values), *_answers(values)
    a, b = messages_in(values, "conversation_a"), messages_in(values, "conversation_b")
    if not a or not b or a[0] != b[0]:
        raise RowError("conversation_b", "contexts differ", "the conversations open differently")
    if a[:-1] == b[:-1] and a[-1]["role"] == b[-1]["role"] == "assistant":
        return a[:-1], a[-1]["content"], b[-1]["content"]
    return a[:1], None, None


def _answers(values: Row) -> tuple[str | None, str | None]:
    """Return the answers of rows that hold them as plain columns."""
    return optional_text(values, "response_a"), optional_text(values, "response_b")


FORMAT = Format(
    name="arena",
    description=(
        "`question_id`, `model_a`, `model_b`, `winner` in model_a, model_b, tie, tie "
        "(bothbad), both_bad; with or without `conversation_a` and `conversation_b`. "
        "Conversations that part after their first turn keep the vote and the opening "
        "message, without answers"
    ),
    read=row_by_row(parse),
    required=(("model_a",), ("model_b",)),
    verdict=("winner",),
)
