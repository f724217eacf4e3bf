"""Whether a rater avoids deciding."""

from collections.abc import Iterator

import numpy as np
from django.utils.translation import gettext_lazy as _

from feedback.quality.checks.base import EVIDENCE, Check, Finding, improbable
from feedback.quality.judgments import Judgments
from trainers.arrays import Floats

TIE = 2  # position in CLASSES; what comes after it is both bad


def _find(check: Check, judgments: Judgments) -> Iterator[Finding]:
    expected = _undecided_by_others(judgments)
    for rater, own in judgments.by_rater():
        if len(own) < check.minimum:
            continue
        tied = own[judgments.choice[own] >= TIE]
        share, usual = len(tied) / len(own), float(expected[own].mean())
        threshold = max(check.threshold, 2 * usual)
        yield Finding(
            rater=rater,
            statistic=share,
            threshold=threshold,
            n=len(own),
            concern=share >= threshold and improbable(len(own), share, usual),
            evidence=tied[-EVIDENCE:],
        )


def _undecided_by_others(judgments: Judgments) -> Floats:
    """Return the share of ties and both-bad among the others' judgments of each one's comparison.

    (n,); the others are people for a person and AI judges for an AI judge. Where nobody else
    judged it, the share among all judgments stands in.
    """
    if not len(judgments):
        return np.zeros(0)
    item = 2 * judgments.comparison + judgments.by_human()
    tied = (judgments.choice >= TIE).astype(np.float64)
    n = np.bincount(item)[item]
    ties = np.bincount(item, weights=tied)[item]
    return np.where(n > 1, (ties - tied) / np.maximum(n - 1, 1), tied.mean())


TIES = Check(
    kind="ties",
    label=_("Avoids deciding"),
    measured=_("The share of judgments that were a tie or both bad."),
    concern=(
        "the share is {threshold:g} or more, twice what others say of the same comparisons, and "
        "hardly chance"
    ),
    threshold=0.5,
    minimum=20,
    find=_find,
)
