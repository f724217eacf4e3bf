"""NVIDIA's HelpSteer, HelpSteer2 and HelpSteer3.

The first two score single responses from 0 to 4; consecutive rows with one prompt are
responses to compare. The preference sets give two responses and a verdict from -3 (the first
is much better) to 3.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from trainers.data.formats.base import (
    Format,
    Items,
    Records,
    checked_pair,
    judgments_of,
    language_of,
    shared_fields,
    skipped,
)
from trainers.data.formats.conversations import messages_in, prompt_messages
from trainers.data.formats.fields import (
    Row,
    RowError,
    SourceRow,
    names,
    optional_label,
    optional_number,
    optional_text,
    structure,
    text,
)
from trainers.data.formats.records import Judgment, PairRecord, Skipped
from trainers.data.formats.scored import Scale, ScoredAnswer, better, scored_pairs

ATTRIBUTES = ("correctness", "coherence", "complexity", "verbosity")
ANNOTATORS = "HelpSteer annotators"
SCORES = Scale(rater=ANNOTATORS, rater_kind="human", width=4)
STRONGEST = 3
VERDICTS = ("overall_preference", "preference_strength")


def read(rows: Items, source: str) -> Records:
    """Yield records of groups: the consecutive rows of one prompt.

    So memory is constant and the order is the file's own.
    """
    for _, group in groupby(rows, key=_group_key):
        first, *others = group
        if isinstance(first, Skipped):
            yield first
            continue
        together = [first, *(row for row in others if isinstance(row, SourceRow))]
        try:
            yield from _verdict_pairs(together, source)
        except RowError as error:
            yield from (skipped(row, error) for row in together)


def _group_key(row: SourceRow | Skipped) -> object:
    """Return what consecutive rows have in common; a row of a preference set stands alone."""
    if isinstance(row, Skipped) or row.values.get("helpfulness") is None:
        return row.row if isinstance(row, Skipped) else row.number
    return str(row.values.get("prompt"))


def _verdict_pairs(rows: list[SourceRow], source: str) -> Iterator[PairRecord]:
    """Yield the pairs of one group."""
    first = rows[0]
    shared = shared_fields(first, source)
    language = language_of(first.values)
    if first.values.get("helpfulness") is None:
        yield _preference(first, source)
        return
    answers = [_scored(row.values) for row in rows]
    if len(answers) < 2:
        raise RowError("prompt", "nothing to compare", "only one response to this prompt")
    yield from scored_pairs(shared, answers, SCORES, language)


def _scored(values: Row) -> ScoredAnswer:
    """Return a response with its scores."""
    score = optional_number(values, "helpfulness")
    aspects = {name: optional_number(values, name) for name in ATTRIBUTES}
    return ScoredAnswer(
        text=text(values, "response"),
        model=optional_label(values, "model"),
        score=0.0 if score is None else score,
        aspects={name: value for name, value in aspects.items() if value is not None},
    )


def _preference(row: SourceRow, source: str) -> PairRecord:
    """Return the pair of a row of a preference set."""
    values = row.values
    shared = shared_fields(SourceRow(row.number, {**values, "messages": None}), source)
    if values.get("context") is not None:
        shared["messages"] = messages_in(values, "context")
    else:
        shared["messages"] = prompt_messages(values)
    shared["topics"] = shared["topics"] or names(values, "domain")
    pair = PairRecord(
        **shared,
        response_a=_either(values, "response1", "response_1"),
        response_b=_either(values, "response2", "response_2"),
        model_a=optional_label(values, "model_a"),
        model_b=optional_label(values, "model_b"),
        language=language_of(values),
        judgments=judgments_of(row, own_judgment),
    )
    pair = checked_pair(pair)
    if row.judgments is None and (single := tuple(individual(values))):
        pair = replace(pair, judgments=single)
    return pair


def own_judgment(values: Row) -> Judgment:
    """Return the overall verdict of a row of a preference set."""
    column = next((name for name in VERDICTS if values.get(name) is not None), VERDICTS[0])
    return verdict(values, column, rater=ANNOTATORS, rationale="preference_elaboration")


def individual(values: Row) -> Iterator[Judgment]:
    """HelpSteer3 also lists what each annotator said; they are told apart by position alone."""
    for number, item in enumerate(structure(values, "individual_preference", list) or (), start=1):
        if not isinstance(item, dict):
            raise RowError("individual_preference", "wrong type", "a preference is not an object")
        yield verdict(item, "score", rater=f"annotator {number}", rationale="reasoning")


def verdict(values: Row, column: str, *, rater: str, rationale: str) -> Judgment:
    """Return a judgment of a verdict in [-3, 3]: negative for the first, its size the strength."""
    score = optional_number(values, column)
    if score is None:
        raise RowError(column, "missing value")
    if abs(score) > STRONGEST:
        raise RowError(column, "unknown choice", f"{score:g} is outside -3..3")
    return Judgment(
        rater=rater,
        rater_kind="human",
        choice=better(0, score),
        strength=abs(score) / STRONGEST or None,  # a tie has no strength
        rationale=optional_text(values, rationale) or "",
    )


def _either(values: Row, *columns: str) -> str:
    """Return the text of the first of several columns that the row has."""
    return text(values, next((name for name in columns if name in values), columns[0]))


FORMAT = Format(
    name="helpsteer",
    description=(
        "HelpSteer and HelpSteer2: consecutive rows of one prompt are compared by "
        "`helpfulness`; or the preference sets of HelpSteer2 and HelpSteer3, from -3 to 3"
    ),
    read=read,
    required=(
        ("prompt", "context"),
        ("response", "response1", "response_1"),
        ("helpfulness", *VERDICTS),
    ),
)
