"""Whether a rater is faster than one can read."""

from collections.abc import Iterator

import numpy as np
from django.utils.translation import gettext_lazy as _

from feedback.quality.checks.base import EVIDENCE, Check, Finding, improbable
from feedback.quality.judgments import Judgments

TOO_FAST = 0.05  # so few of a usual rater's judgments are this fast


def _find(check: Check, judgments: Judgments) -> Iterator[Finding]:
    timed = []
    for rater, own in judgments.by_rater():
        known = own[np.isfinite(judgments.pace[own])]
        if len(known) >= check.minimum:
            timed.append((rater, known))
    if not timed:
        return
    # The pace below which few judgments of a usual rater lie: the median over raters, so that
    # those who hurry do not set it, however much they judge.
    limit = np.median([np.quantile(judgments.pace[known], TOO_FAST) for _rater, known in timed])
    for rater, known in timed:
        quick = known[judgments.pace[known] <= limit]
        share = len(quick) / len(known)
        yield Finding(
            rater=rater,
            statistic=share,
            threshold=check.threshold,
            n=len(known),
            concern=share >= check.threshold and improbable(len(known), share, TOO_FAST),
            evidence=quick[-EVIDENCE:],
        )


PACE = Check(
    kind="pace",
    label=_("Faster than one can read"),
    measured=_(
        "The share of judgments that were faster than nineteen in twenty of a usual rater’s."
    ),
    concern=(
        "the share is {threshold:g} or more and hardly chance; the pace is time by length of text, "
        "the usual one a median over raters"
    ),
    threshold=0.5,
    minimum=20,
    find=_find,
)
