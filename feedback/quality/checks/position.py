"""Whether a rater favours one position on the screen."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from feedback.quality.checks.base import EVIDENCE, Check, Finding, improbable
from feedback.quality.judgments import NONE, Judgments

FIRST, SECOND = 0, 1  # positions in CLASSES, as displayed


def _find(check: Check, judgments: Judgments) -> Iterator[Finding]:
    for rater, own in judgments.by_rater():
        displayed = judgments.displayed[own]
        decided = own[(displayed != NONE) & (displayed <= SECOND)]
        if len(decided) < check.minimum:
            continue
        first = decided[judgments.displayed[decided] == FIRST]
        second = decided[judgments.displayed[decided] == SECOND]
        favoured = max(first, second, key=len)
        share = len(favoured) / len(decided)
        yield Finding(
            rater=rater,
            statistic=share,
            threshold=check.threshold,
            n=len(decided),
            concern=share >= check.threshold and improbable(len(decided), share, 0.5),
            evidence=favoured[-EVIDENCE:],
        )


POSITION = Check(
    kind="position",
    label=_("Favours a side"),
    measured=_("The share of decisions for one position on the screen."),
    concern="the share is {threshold:g} or more and hardly chance, were both positions alike",
    threshold=0.75,
    minimum=20,
    find=_find,
)
