"""Whether a rater knows the answers that are known."""

from collections.abc import Iterator

import numpy as np
from django.utils.translation import gettext_lazy as _

from feedback.quality.checks.base import EVIDENCE, Check, Finding
from feedback.quality.judgments import NONE, Judgments
from trainers.statistics.intervals import wilson


def _find(check: Check, judgments: Judgments) -> Iterator[Finding]:
    for rater, own in judgments.by_rater():
        answered = own[judgments.gold[own] != NONE]
        if not len(answered):
            continue
        right = judgments.gold[answered] == 1
        share = float(right.mean())
        _low, high = wilson(share, len(answered))
        yield Finding(
            rater=rater,
            statistic=share,
            threshold=check.threshold,
            n=len(answered),
            concern=len(answered) >= check.minimum and float(high) < check.threshold,
            evidence=np.flip(answered[~right])[:EVIDENCE],
        )


GOLD = Check(
    kind="gold",
    label=_("Gold items"),
    measured=_("The share that was answered right."),
    concern="the upper end of the 95 % Wilson interval of the share is below {threshold:g}",
    threshold=0.6,
    minimum=5,
    find=_find,
)
