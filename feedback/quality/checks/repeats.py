"""Whether a rater explains different judgments in the same words."""

from collections.abc import Iterator

import numpy as np
from django.utils.translation import gettext_lazy as _

from feedback.quality.checks.base import EVIDENCE, Check, Finding
from feedback.quality.judgments import NONE, Judgments


def _find(check: Check, judgments: Judgments) -> Iterator[Finding]:
    for rater, own in judgments.by_rater():
        explained = own[judgments.rationale[own] != NONE]
        if not len(explained):
            continue
        words, counts = np.unique(judgments.rationale[explained], return_counts=True)
        most = int(counts.max())
        same = explained[judgments.rationale[explained] == words[counts.argmax()]]
        share = most / len(explained)
        yield Finding(
            rater=rater,
            statistic=share,
            threshold=check.threshold,
            n=len(explained),
            concern=most >= check.minimum and share >= check.threshold,
            evidence=np.flip(same)[:EVIDENCE],
        )


REPEATS = Check(
    kind="repeats",
    label=_("The same words again and again"),
    measured=_("The share of explanations that are in the same words, case and margins aside."),
    concern="{minimum} explanations are in the same words, and these are {threshold:g} of all",
    threshold=0.5,
    minimum=5,
    find=_find,
)
