"""Whether a rater gives the same answer again and again."""

from collections.abc import Iterator

import numpy as np
from django.utils.translation import gettext_lazy as _

from feedback.quality.checks.base import EVIDENCE, RARE, Check, Finding
from feedback.quality.judgments import NONE, Judgments
from trainers.arrays import Indices
from trainers.statistics.consensus import K


def longest_run(values: Indices) -> tuple[int, int]:
    """Return where the longest run of one value begins, and its length."""
    begins = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    lengths = np.diff(np.r_[begins, len(values)])
    longest = int(lengths.argmax())
    return int(begins[longest]), int(lengths[longest])


def streak_limit(values: Indices, least: int) -> int:
    """Return the length, `least` or more, that a run reaches with chance RARE in random order.

    A run of value c, whose share is s, begins at one of n positions, after another value:
    P(some run ≥ L) ≤ Σ n (1 - s) s^L.
    """
    n = len(values)
    shares = (np.bincount(values, minlength=K) + 1) / (n + K)
    length = least
    while float((n * (1 - shares) * shares**length).sum()) > RARE:
        length += 1
    return length


def _find(check: Check, judgments: Judgments) -> Iterator[Finding]:
    for rater, own in judgments.by_rater():
        known = own[judgments.displayed[own] != NONE]
        if len(known) < check.minimum:
            continue
        begin, length = longest_run(judgments.displayed[known])
        limit = streak_limit(judgments.displayed[known], int(check.threshold))
        yield Finding(
            rater=rater,
            statistic=length,
            threshold=limit,
            n=len(known),
            concern=length >= limit,
            evidence=known[begin : begin + length][-EVIDENCE:],
        )


STREAK = Check(
    kind="streak",
    label=_("The same again and again"),
    measured=_("The longest row of equal answers by position on the screen, in judgments."),
    concern=(
        "the row is {threshold:g} judgments or longer, and longer than the rater's own shares in "
        "random order would bring once in 100,000 tries"
    ),
    threshold=15,
    minimum=20,
    find=_find,
)
