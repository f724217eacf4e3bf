"""Pairs out of several scored answers to one prompt: every two of them, the better one chosen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from trainers.data.choices import Choice, RaterKind
from trainers.data.formats.base import Shared, checked_pair
from trainers.data.formats.fields import RowError
from trainers.data.formats.records import Judgment, PairRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredAnswer:
    """An answer, its overall score, and its score on each aspect."""

    text: str
    model: str | None
    score: float
    aspects: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Whose scores they are, and how far apart two of them can be."""

    rater: str
    rater_kind: RaterKind
    width: float


def scored_pairs(
    shared: Shared, answers: Sequence[ScoredAnswer], scale: Scale, language: str
) -> Iterator[PairRecord]:
    """Yield all pairs of one prompt's answers; identical answers make none."""
    for i, j in combinations(range(len(answers)), 2):
        a, b = answers[i], answers[j]
        fields: Shared = {**shared, "external_id": _pair_id(shared["external_id"], i, j)}
        pair = PairRecord(
            **fields,
            response_a=a.text,
            response_b=b.text,
            model_a=a.model,
            model_b=b.model,
            language=language,
            judgments=(judgment(a, b, scale),),
        )
        try:
            yield checked_pair(pair)
        except RowError as error:
            if error.reason != "same on both sides":
                raise


def judgment(a: ScoredAnswer, b: ScoredAnswer, scale: Scale) -> Judgment:
    """Return the verdict that two scores amount to; its strength is their distance."""
    distance = min(1.0, abs(a.score - b.score) / scale.width)
    return Judgment(
        rater=scale.rater,
        rater_kind=scale.rater_kind,
        choice=better(a.score, b.score),
        strength=distance or None,  # a tie has no strength
        aspects={
            name: better(a.aspects[name], b.aspects[name])
            for name in a.aspects
            if name in b.aspects
        },
    )


def better(a: float, b: float) -> Choice:
    """Return which score is higher."""
    if a == b:
        return "tie"
    return "a" if a > b else "b"


def _pair_id(prompt_id: str | None, i: int, j: int) -> str | None:
    """Return the pair's id within its prompt."""
    return None if prompt_id is None else f"{prompt_id}/{i}-{j}"
