"""UltraFeedback: completions with GPT-4's ratings, or the binarised chosen and rejected.

The original rates four completions a prompt on four aspects from 1 to 5. Every two of them
make a pair, judged by the mean rating: the `overall_score` beside it was found unreliable by
those who binarised the data, and only stands in where no aspect was rated.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from trainers.data.formats.base import (
    Format,
    Shared,
    checked_pair,
    judgments_of,
    language_of,
    row_by_row,
    shared_fields,
)
from trainers.data.formats.conversations import user
from trainers.data.formats.fields import (
    Row,
    RowError,
    SourceRow,
    optional_label,
    optional_number,
    optional_text,
    structure,
    text,
)
from trainers.data.formats.records import Judgment, PairRecord
from trainers.data.formats.scored import Scale, ScoredAnswer, better, scored_pairs
from trainers.data.formats.trl import texts

JUDGE = "GPT-4 (UltraFeedback)"
RATINGS = Scale(rater=JUDGE, rater_kind="ai", width=4)
OVERALL_WIDTH = 9
SCORES = (("score_chosen", "score_rejected"), ("chosen-rating", "rejected-rating"))


def parse(row: SourceRow, source: str) -> Iterator[PairRecord]:
    """Yield the pairs of a prompt's completions, or the binarised pair."""
    plain = {**row.values, "messages": None, "prompt": None, "source": None}
    shared = shared_fields(SourceRow(row.number, plain), source)
    if row.values.get("completions") is None:
        yield binarised(row, shared)
        return
    prompt = optional_text(row.values, "instruction") or text(row.values, "prompt")
    shared["messages"] = (user(prompt),)
    items = structure(row.values, "completions", list)
    answers = [answer for item in items if (answer := completion(item)) is not None]
    if len(answers) < 2:
        raise RowError("completions", "nothing to compare", "fewer than two rated completions")
    yield from scored_pairs(shared, answers, RATINGS, language_of(row.values))


def completion(item: object) -> ScoredAnswer | None:
    """Return a completion with its mean rating; None where GPT-4 rated nothing."""
    if not isinstance(item, dict):
        raise RowError("completions", "wrong type", "a completion is not an object")
    aspects = dict(ratings(item.get("annotations") or {}))
    if aspects:
        score = sum(aspects.values()) / len(aspects)
    else:
        overall = optional_number(item, "overall_score")
        if overall is None:
            return None
        # Only differences are used: 1 to 10 is brought to the width of the ratings, 1 to 5.
        score = overall * RATINGS.width / OVERALL_WIDTH
    return ScoredAnswer(
        text=text(item, "response"),
        model=optional_label(item, "model"),
        score=score,
        aspects=aspects,
    )


def ratings(annotations: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield ratings by aspect; "N/A" is no rating."""
    for aspect, annotation in annotations.items():
        if isinstance(annotation, list):  # the original nests some of them in a list of one
            annotation = annotation[0] if annotation else {}
        value = annotation.get("Rating") if isinstance(annotation, dict) else annotation
        if value not in (None, "N/A"):
            yield aspect, optional_number({"annotations": value}, "annotations") or 0.0


def binarised(row: SourceRow, shared: Shared) -> PairRecord:
    """Return the pair of a chosen and a rejected completion."""
    values = row.values
    shared["messages"], response_a, response_b = texts(values)
    pair = PairRecord(
        **shared,
        response_a=response_a,
        response_b=response_b,
        model_a=optional_label(values, "chosen-model"),
        model_b=optional_label(values, "rejected-model"),
        language=language_of(values),
        judgments=judgments_of(row, binary_judgment),
    )
    return checked_pair(pair)


def binary_judgment(values: Row) -> Judgment:
    """Chosen is better, except that equal scores are a tie whichever was put first."""
    for first, second in SCORES:
        chosen, rejected = optional_number(values, first), optional_number(values, second)
        if chosen is not None and rejected is not None:
            return Judgment(JUDGE, "ai", "tie" if chosen == rejected else "a")
    return Judgment(JUDGE, "ai", better(1, 0))


FORMAT = Format(
    name="ultrafeedback",
    description=(
        "`completions` with ratings: every two make a pair, judged by the mean rating; or "
        "binarised `chosen` and `rejected`"
    ),
    read=row_by_row(parse),
    required=(("completions", "chosen"),),
)
