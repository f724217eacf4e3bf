"""The AI labels of a campaign's comparisons, and the signals in them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from feedback.campaigns.models import Campaign
from feedback.hybrid.models import AIJudge
from feedback.hybrid.signals import AILabel, Signals, signals_of
from feedback.pool.models import Preference
from feedback.quality.votes import Votes, votes_load
from trainers.statistics.consensus import CLASSES, dawid_skene

SWAPPED_SUFFIX = " (swapped)"

Floats = NDArray[np.float64]


def signals_load(campaign: Campaign, comparisons: Sequence[UUID]) -> dict[UUID, Signals]:
    """The signals of these comparisons of a campaign."""
    votes = votes_load(Preference.objects.filter(comparison__tasks__campaign=campaign))
    return signals_from(votes, judge_families(votes), comparisons)


def signals_from(
    votes: Votes, families: Mapping[int, str], comparisons: Sequence[UUID]
) -> dict[UUID, Signals]:
    """The signals of these comparisons in the votes of their campaign.

    `families` names the judge behind each AI rater. Judges are weighed by all the votes, people's
    too; the posterior of a comparison then comes from its AI labels alone.
    """
    labels: dict[int, list[AILabel]] = defaultdict(list)
    for item, rater, choice in zip(votes.items, votes.raters, votes.choices, strict=True):
        if rater in families:
            labels[item].append(AILabel(families[rater], CLASSES[choice]))
    posteriors, shares = ai_posteriors(votes)
    found = {}
    for comparison in comparisons:
        place = votes.item_ids.get(comparison)
        posterior = shares if place is None else posteriors[place]
        found[comparison] = signals_of([] if place is None else labels[place], posterior)
    return found


def ai_posteriors(votes: Votes) -> tuple[Floats, Floats]:
    """(comparisons, 4): the posterior of each from AI labels; (4,): that of one without any."""
    n_items = len(votes.item_ids)
    fitted = dawid_skene(
        votes.items, votes.raters, votes.choices, n_items=n_items, rater_groups=votes.groups
    )
    ai = ~votes.by_human()
    items, raters, choices = (
        np.asarray(each, dtype=np.intp)[ai] for each in (votes.items, votes.raters, votes.choices)
    )
    return fitted.posterior_of(items, raters, choices, n_items=n_items), fitted.shares


def judge_families(votes: Votes) -> dict[int, str]:
    """The judge behind each AI rater: one that is asked in both orders is two raters.

    A judge that is called is its model version; a recorded one is its source and label, less
    the suffix of the swapped order.
    """
    judges = AIJudge.objects.filter(rater__in=votes.rater_ids).select_related("rater")
    return {
        votes.rater_ids[judge.rater_id]: str(judge.version_id or "")
        or f"{judge.rater.source}: {judge.rater.label.removesuffix(SWAPPED_SUFFIX)}"
        for judge in judges
    }
