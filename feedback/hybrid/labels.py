"""The AI labels of a campaign's comparisons, and how uncertain they leave each."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from feedback.campaigns.models import Campaign
from feedback.hybrid.models import AIJudge
from feedback.hybrid.uncertainty import AILabel, LabelUncertainty, uncertainty_of
from feedback.quality.judgments import Judgments, judgments_load
from trainers.arrays import Floats
from trainers.statistics.consensus import CLASSES, dawid_skene

SWAPPED_SUFFIX = " (swapped)"


def uncertainties_load(
    campaign: Campaign, comparisons: Sequence[UUID]
) -> dict[UUID, LabelUncertainty]:
    """Return the uncertainty of these comparisons of a campaign."""
    judgments = judgments_load(campaign_tasks=campaign.id).active_only()
    return uncertainties(judgments, judge_families(judgments), comparisons)


def uncertainties(
    judgments: Judgments, families: Mapping[int, str], comparisons: Sequence[UUID]
) -> dict[UUID, LabelUncertainty]:
    """Return the uncertainty of these comparisons, from all active judgments of their campaign.

    `families` names the judge behind each AI rater. Judges are weighed by all the judgments,
    people's too; the posterior of a comparison then comes from its AI labels alone.
    """
    labels: dict[int, list[AILabel]] = defaultdict(list)
    for item, rater, choice in zip(
        judgments.comparison.tolist(),
        judgments.rater.tolist(),
        judgments.choice.tolist(),
        strict=True,
    ):
        if rater in families:
            labels[item].append(AILabel(family=families[rater], choice=CLASSES[choice]))
    posteriors, shares = ai_posteriors(judgments)
    numbers = {key: number for number, key in enumerate(judgments.comparison_ids)}
    found = {}
    for comparison in comparisons:
        number = numbers.get(str(comparison))
        if number is None:
            found[comparison] = uncertainty_of([], shares)
        else:
            found[comparison] = uncertainty_of(labels[number], posteriors[number])
    return found


def ai_posteriors(judgments: Judgments) -> tuple[Floats, Floats]:
    """Return the posterior of each comparison from AI labels, and that of one without any.

    Shapes (comparisons, 4) and (4,).
    """
    n_items = len(judgments.comparison_ids)
    fitted = dawid_skene(
        judgments.comparison,
        judgments.rater,
        judgments.choice,
        n_items=n_items,
        rater_groups=judgments.raters.group,
    )
    ai = ~judgments.by_human()
    posteriors = fitted.posterior_of(
        judgments.comparison[ai], judgments.rater[ai], judgments.choice[ai], n_items=n_items
    )
    return posteriors, fitted.shares


def judge_families(judgments: Judgments) -> dict[int, str]:
    """Return the judge behind each AI rater: one that is asked in both orders is two raters.

    A judge that is called is its model version; a recorded one is its source and label, less
    the suffix of the swapped order.
    """
    ids = judgments.raters.ids
    numbers = {key: number for number, key in enumerate(ids)}
    judges = AIJudge.objects.filter(
        rater__in=[key for key, human in zip(ids, judgments.raters.human, strict=True) if not human]
    ).select_related("rater")
    return {
        numbers[str(judge.rater_id)]: str(judge.version_id or "")
        or f"{judge.rater.source}: {judge.rater.label.removesuffix(SWAPPED_SUFFIX)}"
        for judge in judges
    }
