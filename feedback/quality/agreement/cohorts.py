"""The groups of raters that agreement is told of."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from feedback.people.models import Contributor, Rater, TrustTier
from feedback.quality.judgments import Raters
from trainers.arrays import Bools

EVERYBODY = "all"
MAX_FIELDS = 12  # of expertise, the most frequent


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """name: as stored. members: (raters,), who belongs to it."""

    name: str
    members: Bools


def cohorts(raters: Raters) -> list[Cohort]:
    """Return everybody; people and AI judges; trust tiers; fields of expertise.

    Tiers and expertise are read anew: the rules may just have promoted somebody.
    """
    known = _contributors()
    tiers = np.array([known[key][0] if key in known else -1 for key in raters.ids])
    fields = [set(known[key][1]) if key in known else set() for key in raters.ids]
    return [
        Cohort(name=EVERYBODY, members=np.ones(len(raters.ids), dtype=bool)),
        Cohort(name="human", members=raters.human),
        Cohort(name="ai", members=~raters.human),
        *(Cohort(name=f"tier:{int(tier)}", members=tiers == int(tier)) for tier in TrustTier),
        *(
            Cohort(
                name=f"expertise:{field}",
                members=np.array([field in own for own in fields], dtype=bool),
            )
            for field in _frequent_fields()
        ),
    ]


def _contributors() -> dict[str, tuple[int, list[str]]]:
    """Return trust tier and expertise of each rater who is a contributor."""
    rows = Rater.objects.filter(contributor__isnull=False).values_list(
        "id", "contributor__trust_tier", "contributor__expertise"
    )
    return {str(key): (tier, expertise) for key, tier, expertise in rows}


def _frequent_fields() -> list[str]:
    counts: Counter[str] = Counter()
    for fields in Contributor.objects.exclude(expertise=[]).values_list("expertise", flat=True):
        counts.update(fields)
    return sorted(counts, key=lambda field: (-counts[field], field))[:MAX_FIELDS]
