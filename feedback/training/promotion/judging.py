"""A judge model compares a policy's answers with those of its base, each pair in both orders.

The judge is asked first about comparisons that people decided (editors, where people decided too
few): one that agrees with them no better than chance has no say. Calls are bounded in number and in
time; a judge that cannot be asked judges nothing, and stops nothing.
"""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from feedback.registry.errors import NoAnswerError
from feedback.registry.health import live_versions
from feedback.registry.models import ModelVersion
from feedback.registry.providers import Call
from feedback.training.promotion.gate import CHANCE, FEWEST_PROMPTS, paired_bootstrap
from feedback.training.promotion.pairs import (
    Pair,
    known_winners,
    pairs_beside_base,
    pairs_beside_incumbent,
)
from feedback.training.promotion.samples import Sample

MOST_PAIRS = 50  # of known winners, of the policy and its base, of the policy and what is live
MOST_SECONDS = 600.0
MOST_FAILURES = 3
MOST_LETTERS = 6000  # of a conversation and both answers: a small judge reads no more
OPTIONS = {"temperature": 0, "max_tokens": 8}
VERDICT = re.compile(r"\s*(a|b|tie)\s*\.?\s*", re.IGNORECASE)
QUESTION = """Compare two answers to the last message of a conversation. Judge how helpful, true \
and clear they are, not how long they are or which comes first.

The conversation:
{conversation}

Answer A:
{first}

Answer B:
{second}

Which answer is better? Reply with one word: A, B or tie."""


class Problem(StrEnum):
    """Why the judge has no say. Rows hold these: keep the values."""

    NONE = "none"  # no judge is set
    AWAY = "away"  # the one that is set cannot be asked now
    FAILED = "failed"
    FEW = "few"
    UNSOUND = "unsound"  # it agrees with known winners no better than chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How often the judge preferred the first of a pair, ties half; a 95 % interval by prompt."""

    share: float
    ci: tuple[float, float]
    pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the judge said of the policy and of known winners.

    wins        the policy's answers beside its base's
    against     the same answers beside those of the policy that is live
    agreement   known winners beside known losers

    `problem` says why it has no say; the shares are then there as far as they were measured.
    """

    judge: str
    problem: Problem | None = None
    wins: Share | None = None
    against: Share | None = None
    agreement: Share | None = None

    @property
    def stored(self) -> dict[str, Any]:
        """Return what a verdict keeps, as JSON."""
        return asdict(self)


class _GivenUpError(Exception):
    """The judge failed too often, or took too long."""


def policy_judge(
    *,
    samples: Sequence[Sample],
    incumbent: Sequence[Sample],
    snapshot: Path,
    on_tick: Callable[[], None],
) -> Judged:
    """Ask `JUDGE_MODEL` about the policy's samples, after trying it on known winners.

    `incumbent` holds the samples of the policy that is live, none where there is none. `on_tick` is
    called between the pieces of the judge's answers; what it raises goes on up.
    """
    slug = settings.JUDGE_MODEL
    if not slug:
        return Judged(judge="", problem=Problem.NONE)
    versions = live_versions().select_related("provider").filter(model__slug=slug)
    version = versions.order_by("-created_at").first()
    if version is None:
        return Judged(judge=slug, problem=Problem.AWAY)
    judge = _Judge(version, on_tick)
    agreement = wins = against = None
    try:
        agreement = _share(judge.ask_each(_some(known_winners(snapshot))))
        if agreement is None:
            return Judged(judge=slug, problem=Problem.FEW)
        if agreement.ci[0] <= CHANCE:
            return Judged(judge=slug, problem=Problem.UNSOUND, agreement=agreement)
        wins = _share(judge.ask_each(_some(pairs_beside_base(samples))))
        against = _share(judge.ask_each(_some(pairs_beside_incumbent(samples, incumbent))))
    except _GivenUpError:
        return Judged(judge=slug, problem=Problem.FAILED, agreement=agreement)
    problem = Problem.FEW if wins is None else None
    return Judged(judge=slug, problem=problem, wins=wins, against=against, agreement=agreement)


def _some(pairs: Iterable[Pair]) -> list[Pair]:
    """Return at most `MOST_PAIRS` that are not too long, chosen by hash: the same every time."""
    short = [pair for pair in pairs if pair.letters <= MOST_LETTERS]
    short.sort(key=lambda one: sha256(f"{one.prompt_id} {one.preferred}".encode()).digest())
    return short[:MOST_PAIRS]


def _share(scores: Sequence[tuple[str, float]]) -> Share | None:
    """Return the mean of scores by prompt; None where there are too few prompts to say anything."""
    prompts = sorted({prompt for prompt, _score in scores})
    if len(prompts) < FEWEST_PROMPTS:
        return None
    rows = [[score for of, score in scores if of == prompt] for prompt in prompts]
    means = np.array([np.mean(row) for row in rows])
    counts = np.array([float(len(row)) for row in rows])
    share, low, high = paired_bootstrap(means, counts)
    return Share(share=share, ci=(low, high), pairs=len(scores))


class _Judge:
    """A version that is asked about pairs, for `MOST_SECONDS` in all."""

    def __init__(self, version: ModelVersion, on_tick: Callable[[], None]) -> None:
        self._version, self._on_tick = version, on_tick
        self._until = time.monotonic() + MOST_SECONDS
        self._failures = 0

    def ask_each(self, pairs: Sequence[Pair]) -> list[tuple[str, float]]:
        """Return (prompt, score) of each pair that it judged: 1 for the preferred, ½ for a tie."""
        scores = ((pair.prompt_id, self._score(pair)) for pair in pairs)
        return [(prompt, score) for prompt, score in scores if score is not None]

    def _score(self, pair: Pair) -> float | None:
        """Return its score in both orders; one that contradicts itself says that it is a tie."""
        forth = self._verdict(pair.conversation, pair.preferred, pair.other)
        back = self._verdict(pair.conversation, pair.other, pair.preferred)
        if forth is None or back is None:
            return None
        score = {"a": 1.0, "b": 0.0, "tie": 0.5}
        return score[forth] if score[forth] == 1 - score[back] else 0.5

    def _verdict(self, conversation: str, first: str, second: str) -> str | None:
        """Return a, b or tie; None where it did not answer, or answered something else."""
        text = QUESTION.format(conversation=conversation, first=first, second=second)
        call = Call(self._version, [{"role": "user", "content": text}], OPTIONS)
        answer = ""
        try:
            for piece in call.pieces():
                answer += piece
                self._tick()
        except NoAnswerError as error:
            self._failures += 1
            if self._failures >= MOST_FAILURES:
                raise _GivenUpError from error
            return None
        self._tick()
        found = VERDICT.fullmatch(answer)
        return found[1].lower() if found else None

    def _tick(self) -> None:
        self._on_tick()
        if time.monotonic() > self._until:
            raise _GivenUpError
