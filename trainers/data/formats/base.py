"""What a format is, and what all records of a row share."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypedDict

from trainers.data.formats.conversations import prompt_messages
from trainers.data.formats.fields import Row, RowError, SourceRow, names, optional_label
from trainers.data.formats.records import Judgment, Message, PairRecord, Record, Skipped

Items = Iterable[SourceRow | Skipped]
Records = Iterator[Record | Skipped]

ANONYMOUS = "anonymous"
PROMPTS = ("messages", "prompt", "dialogue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How the rows of one format become records.

    name         as `--format` takes it
    description  what a row is, in Markdown: `--list-formats` and docs/formats.md print it
    read         from rows and the name of their source to records
    required     groups of columns; a file must have one column of each
    verdict      a further group, which a profile's judgments replace
    known        the targets a profile may fill; None leaves them open, for files that nest what
                 they hold
    """

    name: str
    description: str
    read: Callable[[Items, str], Records]
    required: tuple[tuple[str, ...], ...]
    verdict: tuple[str, ...] = ()
    known: frozenset[str] | None = None


class Shared(TypedDict):
    """Fields that every kind of record has."""

    row: int
    external_id: str | None
    messages: tuple[Message, ...]
    question_id: str | None
    topics: tuple[str, ...]
    source: str
    licence: str


SHARED_COLUMNS = frozenset(
    {
        "external_id",
        "messages",
        "dialogue",
        "prompt",
        "question_id",
        "topics",
        "language",
        "source",
        "licence",
    }
)


def shared_fields(row: SourceRow, source: str) -> Shared:
    """Return the fields of `Shared`, from columns of their names. A row's own source wins."""
    values = row.values
    return {
        "row": row.number,
        "external_id": optional_label(values, "external_id"),
        "messages": prompt_messages(values),
        "question_id": optional_label(values, "question_id"),
        "topics": names(values, "topics"),
        "source": optional_label(values, "source") or source,
        "licence": optional_label(values, "licence") or "",
    }


def language_of(values: Row) -> str:
    """Return the row's language, or the empty text."""
    return optional_label(values, "language") or ""


def row_by_row(
    parse: Callable[[SourceRow, str], Iterable[Record]],
) -> Callable[[Items, str], Records]:
    """Return a reader made of a function of one row; what a row lacks becomes Skipped."""

    def read(rows: Items, source: str) -> Records:
        """Yield the records of all rows."""
        for row in rows:
            if isinstance(row, Skipped):
                yield row
                continue
            try:
                yield from parse(row, source)
            except RowError as error:
                yield skipped(row, error)

    return read


def skipped(row: SourceRow, error: RowError) -> Skipped:
    """Return what is counted in place of a row that could not be used."""
    return Skipped(row.number, error.column, error.reason, error.detail)


def checked_pair(pair: PairRecord) -> PairRecord:
    """Return a pair that can be compared: two texts or two models, on a known prompt.

    Raises RowError, which names the column, for any other.
    """
    if (pair.response_a is None) != (pair.response_b is None):
        column = "response_a" if pair.response_a is None else "response_b"
        raise RowError(column, "missing value")
    if pair.response_a is None:
        if pair.model_a is None or pair.model_b is None:
            column = "model_a" if pair.model_a is None else "model_b"
            raise RowError(column, "missing value", "neither a response nor a model")
        if pair.model_a == pair.model_b:
            raise RowError("model_b", "same on both sides", f"{pair.model_a!r} against itself")
    elif (pair.response_a, pair.model_a) == (pair.response_b, pair.model_b):
        raise RowError("response_b", "same on both sides", "one response against itself")
    elif not pair.messages:
        raise RowError("prompt", "missing value", "responses without a prompt")
    if not pair.messages and pair.question_id is None:
        raise RowError("question_id", "missing value", "neither a prompt nor a question")
    return pair


def judgments_of(row: SourceRow, own: Callable[[Row], Judgment]) -> tuple[Judgment, ...]:
    """Return what a profile read from the row, or else the row's own verdict."""
    return row.judgments if row.judgments is not None else (own(row.values),)
