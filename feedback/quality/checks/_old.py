"""What is looked at in each rater's judgments: a statistic, its threshold, the judgments behind it.

A share that is far from what is expected is a concern where chance alone would bring it about less
than once in RARE tries: by Chernoff's bound P(share ≥ s) ≤ exp(-n KL(s ‖ p)), and where it is large
enough to matter.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from feedback.quality.judged import FIRST, SECOND, Floats, Indices, Judged
from feedback.quality.models import SignalKind
from trainers.statistics.sequential import martingales, p_values

FEWEST = 20  # judgments below which nothing is looked at
RARE = 1e-5
EVIDENCE = 20
FALSE_ALARMS = 0.001  # of the sequential test, for a rater and for ever
TIE = 2  # and what comes after it: both bad
TOO_FAST = 0.05  # so few of a usual rater's judgments are this fast
FAST_SHARE = 0.5  # of one's own: too many
ONE_PLACE, UNDECIDED, LONG_STREAK = 0.75, 0.5, 15


@dataclass(frozen=True, slots=True)
class Found:
    """One statistic of the rater at this position; `evidence` are positions of judgments."""

    rater: int
    kind: SignalKind
    statistic: float
    threshold: float
    n: int
    concern: bool
    evidence: Indices


def signals_find(judged: Judged) -> Iterator[Found]:
    """Everything that can be said of each rater with enough judgments."""
    if not judged.ids:
        return
    yield from _sequential(judged)
    fast = _fast(judged)
    undecided = _expected_undecided(judged)
    order = np.argsort(judged.rater, kind="stable")
    ends = np.cumsum(np.bincount(judged.rater))
    for rater, own in enumerate(np.split(order, ends[:-1])):
        if len(own) >= FEWEST:
            yield from _pace(rater, own, judged.pace, fast)
            yield from _place(rater, own, judged.shown)
            yield from _ties(rater, own, judged.choice, undecided)


def improbable(n: int, share: float, expected: float) -> bool:
    """Whether a share of n at least this large, of `expected` each, is rarer than RARE."""
    p = min(max(expected, 1e-6), 1 - 1e-6)
    if share <= p:
        return False
    divergence = share * math.log(share / p)
    if share < 1:
        divergence += (1 - share) * math.log((1 - share) / (1 - p))
    return n * divergence > -math.log(RARE)


def _sequential(judged: Judged) -> Iterator[Found]:
    """Held against what others chose, in the same comparison and for the same two models: two
    tests, so each gets half of the false alarms."""
    n_raters = len(judged.rater_ids)
    bound = -math.log(FALSE_ALARMS / 2)
    counts = np.bincount(judged.rater, minlength=n_raters)
    tests = []
    for cell, choice in ((judged.item, judged.choice), (judged.pair, judged.outcome)):
        p = p_values(cell, choice, judged.theta, n_choices=4)
        tests.append((p, martingales(p, judged.rater, n_raters=n_raters, alpha=FALSE_ALARMS / 2)))
    for rater in np.flatnonzero(counts >= FEWEST).tolist():
        p, test = max(tests, key=lambda one: float(one[1].highest[rater]))
        crossed = int(test.crossed[rater])
        own = np.flatnonzero(judged.rater[: crossed + 1] == rater)
        strangest = own[np.argsort(p[own], kind="stable")][:EVIDENCE]
        yield Found(
            rater,
            SignalKind.SEQUENTIAL,
            float(test.highest[rater]) / math.log(10),
            bound / math.log(10),
            int(counts[rater]),
            crossed >= 0,
            strangest,
        )


def _fast(judged: Judged) -> float:
    """The pace below which few judgments of a usual rater lie: the median over raters, so that
    those who hurry do not set it, however much they judge."""
    timed = np.flatnonzero(np.isfinite(judged.pace))
    order = timed[np.argsort(judged.rater[timed], kind="stable")]
    groups = np.split(judged.pace[order], np.cumsum(np.bincount(judged.rater[order]))[:-1])
    fast = [float(np.quantile(paces, TOO_FAST)) for paces in groups if len(paces) >= FEWEST]
    return float(np.median(fast)) if fast else 0.0


def _pace(rater: int, own: Indices, pace: Floats, fast: float) -> Iterator[Found]:
    timed = own[np.isfinite(pace[own])]
    if len(timed) >= FEWEST:
        quick = timed[pace[timed] <= fast]
        share = len(quick) / len(timed)
        concern = share >= FAST_SHARE and improbable(len(timed), share, TOO_FAST)
        yield Found(
            rater, SignalKind.PACE, share, FAST_SHARE, len(timed), concern, quick[-EVIDENCE:]
        )


def _place(rater: int, own: Indices, shown: Indices) -> Iterator[Found]:
    """One place on the screen, and the same answer in a row."""
    placed = own[shown[own] >= 0]
    decided = placed[shown[placed] <= SECOND]
    if len(decided) >= FEWEST:
        first = decided[shown[decided] == FIRST]
        second = decided[shown[decided] == SECOND]
        favoured = max(first, second, key=len)
        share = len(favoured) / len(decided)
        concern = share >= ONE_PLACE and improbable(len(decided), share, 0.5)
        yield Found(
            rater,
            SignalKind.POSITION,
            share,
            ONE_PLACE,
            len(decided),
            concern,
            favoured[-EVIDENCE:],
        )
    if len(placed) >= FEWEST:
        begin, length = longest_run(shown[placed])
        limit = streak_limit(shown[placed])
        run = placed[begin : begin + length]
        yield Found(
            rater,
            SignalKind.STREAK,
            length,
            limit,
            len(placed),
            length >= limit,
            run[-EVIDENCE:],
        )


def longest_run(values: Indices) -> tuple[int, int]:
    """Where the longest run of one value begins, and its length."""
    begins = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    lengths = np.diff(np.r_[begins, len(values)])
    longest = int(lengths.argmax())
    return int(begins[longest]), int(lengths[longest])


def streak_limit(values: Indices) -> int:
    """The length that a run reaches with chance RARE at most, were the values in random order.

    A run of value c, whose share is s, begins at one of n places, after another value:
    P(some run ≥ L) ≤ Σ n (1 - s) s^L.
    """
    n = len(values)
    shares = (np.bincount(values, minlength=4) + 1) / (n + 4)
    length = LONG_STREAK
    while float((n * (1 - shares) * shares**length).sum()) > RARE:
        length += 1
    return length


def _expected_undecided(judged: Judged) -> Floats:
    """(judgments,): the share of ties and both-bad among the others' judgments of the item."""
    tied = (judged.choice >= TIE).astype(np.float64)
    n = np.bincount(judged.item)[judged.item]
    ties = np.bincount(judged.item, weights=tied)[judged.item]
    others = np.maximum(n - 1, 1)
    return np.where(n > 1, (ties - tied) / others, tied.mean())


def _ties(rater: int, own: Indices, choice: Indices, expected: Floats) -> Iterator[Found]:
    tied = own[choice[own] >= TIE]
    share = len(tied) / len(own)
    usual = float(expected[own].mean())
    concern = share >= max(UNDECIDED, 2 * usual) and improbable(len(own), share, usual)
    threshold = max(UNDECIDED, 2 * usual)
    yield Found(rater, SignalKind.TIES, share, threshold, len(own), concern, tied[-EVIDENCE:])
