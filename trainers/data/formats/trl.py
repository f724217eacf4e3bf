"""TRL's preference layout: prompt, chosen, rejected, as strings or messages.

Without a `prompt` it is implicit: what chosen and rejected have in common at their start.
"""

from collections.abc import Iterator, Sequence

from trainers.data.choices import RaterKind
from trainers.data.formats.base import (
    ANONYMOUS,
    Format,
    checked_pair,
    judgments_of,
    language_of,
    row_by_row,
    shared_fields,
)
from trainers.data.formats.conversations import dialogue, messages_in, split_pair, user
from trainers.data.formats.fields import Row, RowError, SourceRow, optional_label, text
from trainers.data.formats.preferences import rater_kind
from trainers.data.formats.records import Judgment, Message, PairRecord


def parse(row: SourceRow, source: str) -> Iterator[PairRecord]:
    """Yield the pair of a chosen and a rejected answer; the chosen one is a."""
    values = row.values
    messages, response_a, response_b = texts(values)
    # `messages` in such files repeats the chosen conversation; it is not the prompt.
    shared = shared_fields(
        SourceRow(row.number, {**values, "messages": None, "prompt": None}), source
    )
    shared["messages"] = messages
    pair = PairRecord(
        **shared,
        response_a=response_a,
        response_b=response_b,
        model_a=optional_label(values, "model_a"),
        model_b=optional_label(values, "model_b"),
        language=language_of(values),
        judgments=judgments_of(row, own_judgment),
    )
    yield checked_pair(pair)


def own_judgment(values: Row) -> Judgment:
    """Return that a was chosen, by whom the row says."""
    # Our own export says how many of each kind judged; labels by AI judges alone are not human.
    only_ai = values.get("n_human") == 0 and bool(values.get("n_ai"))
    default: RaterKind = "ai" if only_ai else "human"
    rater = optional_label(values, "rater_id") or ANONYMOUS
    return Judgment(rater, rater_kind(values, default=default), "a")


def texts(values: Row) -> tuple[tuple[Message, ...], str, str]:
    """Return the prompt's messages and the two responses, whichever way the row writes them."""
    if _is_text(values, "chosen") and _is_text(values, "rejected"):
        return _strings(values)
    chosen, rejected = messages_in(values, "chosen"), messages_in(values, "rejected")
    prompt = prompt_of(values)
    # The answers alone: the prompt, which stands in its own column, goes before both.
    if prompt and tuple(chosen[: len(prompt)]) != prompt:
        chosen, rejected = prompt + chosen, prompt + rejected
    return split_pair(chosen, rejected, "rejected")


def prompt_of(values: Row) -> tuple[Message, ...]:
    """Return an explicit prompt; nothing where the column is absent."""
    if values.get("prompt") is None:
        return ()
    if _is_text(values, "prompt"):
        return (user(text(values, "prompt")),)
    return messages_in(values, "prompt")


def _strings(values: Row) -> tuple[tuple[Message, ...], str, str]:
    """Return prompt and responses of a row of plain texts."""
    chosen, rejected = text(values, "chosen"), text(values, "rejected")
    prompt = prompt_of(values)
    if prompt:
        return prompt, chosen, rejected
    if chosen.lstrip().startswith("Human:"):
        pair: Sequence[tuple[Message, ...]] = (
            dialogue("chosen", chosen),
            dialogue("rejected", rejected),
        )
        return split_pair(pair[0], pair[1], "rejected")
    start = _common_words(chosen, rejected)
    if not chosen[:start].strip():
        raise RowError("prompt", "no prompt", "chosen and rejected have no beginning in common")
    return (user(chosen[:start].strip()),), chosen[start:].strip(), rejected[start:].strip()


def _common_words(chosen: str, rejected: str) -> int:
    """Return the length of the common beginning, cut where its last whole word ends."""
    pairs = enumerate(zip(chosen, rejected, strict=False))
    shared = next((i for i, (a, b) in pairs if a != b), min(len(chosen), len(rejected)))
    return max(chosen.rfind(" ", 0, shared), chosen.rfind("\n", 0, shared)) + 1


def _is_text(values: Row, column: str) -> bool:
    """Return whether a column holds plain text, and not JSON of messages."""
    value = values.get(column)
    return isinstance(value, str) and not value.startswith("[{")


FORMAT = Format(
    name="trl",
    description=(
        "`prompt`, `chosen`, `rejected`: strings or messages, the prompt explicit or implicit"
    ),
    read=row_by_row(parse),
    required=(("chosen",), ("rejected",)),
)
