"""Judgments as arrays of numbers, the way the numeric code takes them."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from feedback.people.models import TIER_WEIGHT, RaterKind, TrustTier
from feedback.pool.models import Preference, PreferenceState
from trainers.statistics.consensus import CLASSES

POSITION = {choice: position for position, choice in enumerate(CLASSES)}


@dataclass(slots=True)
class Votes:
    """Judgments: item, rater and choice by position, and what stands at each position.

    `newest` is when each item's latest judgment came in. `weights` is what a vote of each rater
    counts, by trust tier alone: how reliable they are is for the consensus to find. `groups` puts
    the people of a source and the judges of a source apart: raters of one group are taken to
    resemble each other.
    """

    items: "array[int]" = field(default_factory=lambda: array("l"))
    raters: "array[int]" = field(default_factory=lambda: array("l"))
    choices: "array[int]" = field(default_factory=lambda: array("b"))
    item_ids: dict[UUID, int] = field(default_factory=dict)
    rater_ids: dict[UUID, int] = field(default_factory=dict)
    newest: list[datetime] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    human_raters: list[bool] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    group_ids: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(
        self,
        item: UUID,
        rater: UUID,
        choice: str,
        came: datetime,
        kind: str,
        source: str,
        tier: int | None,
    ) -> None:
        """Append one judgment."""
        place = self.item_ids.setdefault(item, len(self.item_ids))
        if place == len(self.newest):
            self.newest.append(came)
        self.newest[place] = max(self.newest[place], came)
        who = self.rater_ids.setdefault(rater, len(self.rater_ids))
        if who == len(self.groups):
            self.groups.append(self.group_ids.setdefault((kind, source), len(self.group_ids)))
            self.human_raters.append(kind == RaterKind.HUMAN)
            self.weights.append(1.0 if tier is None else TIER_WEIGHT[TrustTier(tier)])
        self.items.append(place)
        self.raters.append(who)
        self.choices.append(POSITION[choice])

    def by_human(self) -> NDArray[np.bool_]:
        """(judgments,), whether each came from a person."""
        return np.asarray(self.human_raters, dtype=bool)[np.asarray(self.raters, dtype=np.intp)]


def votes_load(preferences: QuerySet[Preference]) -> Votes:
    """The active ones of these judgments, streamed from the database."""
    rows: Iterable[tuple[UUID, UUID, str, datetime, str, str, int | None]] = (
        preferences.filter(state=PreferenceState.ACTIVE)
        .order_by("id")
        .values_list(
            "comparison_id",
            "rater_id",
            "choice",
            "created_at",
            "rater__kind",
            "rater__source",
            "rater__contributor__trust_tier",
        )
        .iterator(chunk_size=10_000)
    )
    votes = Votes()
    for row in rows:
        votes.add(*row)
    return votes
