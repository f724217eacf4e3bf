"""Whether a rater chooses like the others: a test that may be looked at after every judgment."""

import math
from collections.abc import Iterator

import numpy as np
from django.utils.translation import gettext_lazy as _

from feedback.quality.checks.base import EVIDENCE, Check, Finding
from feedback.quality.judgments import Judgments
from trainers.statistics.consensus import K
from trainers.statistics.sequential import martingales, p_values

FALSE_ALARMS = 0.001  # for a rater, and for ever
# In the same comparison and for the same two models: two tests, so each gets half of the alarms.
ALPHA = FALSE_ALARMS / 2


def _find(check: Check, judgments: Judgments) -> Iterator[Finding]:
    n_raters = len(judgments.raters.ids)
    tests = []
    for cell, choice in (
        (judgments.comparison, judgments.choice),
        (judgments.pair, judgments.outcome),
    ):
        # People are held against people, AI judges against AI judges: they are not alike.
        p = p_values(2 * cell + judgments.by_human(), choice, judgments.theta, n_choices=K)
        tests.append((p, martingales(p, judgments.rater, n_raters=n_raters, alpha=ALPHA)))
    counts = np.bincount(judgments.rater, minlength=n_raters)
    for rater in np.flatnonzero(counts >= check.minimum).tolist():
        p, test = max(tests, key=lambda one: float(one[1].highest[rater]))
        crossed = int(test.crossed[rater])
        own = np.flatnonzero(judgments.rater[: crossed + 1] == rater)
        yield Finding(
            rater=rater,
            statistic=float(test.highest[rater]) / math.log(10),
            threshold=check.threshold,
            n=int(counts[rater]),
            concern=crossed >= 0,
            evidence=own[np.argsort(p[own], kind="stable")][:EVIDENCE],  # the strangest
        )


SEQUENTIAL = Check(
    kind="sequential",
    label=_("Chooses unlike the others"),
    measured=_(
        "The evidence, as a power of ten; an honest rater ever passes the threshold with a chance "
        "of one in a thousand."
    ),
    concern=(
        "the test martingale (`trainers.statistics.sequential`) ever reaches 10^{threshold:.2f}, "
        "within comparisons or within pairs of models; by Ville's inequality an honest rater does "
        "so with a chance of 0.001 at most"
    ),
    threshold=-math.log(ALPHA) / math.log(10),
    minimum=20,
    in_skill=True,
    find=_find,
)
