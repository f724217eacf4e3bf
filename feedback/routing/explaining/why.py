"""Why these models: a decision read back from the log, for who asked and for operators.

Nothing here is worked out anew: scores, chances and reasons are those that were logged when the
choice was made. While the two answers of a duel wait for a judgment nobody is told, whoever asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from feedback.errors import ConflictError, NotFoundError, UnavailableError
from feedback.people.authentication import is_barred
from feedback.people.models import Contributor
from feedback.pool.models import Comparison, Response, Turn
from feedback.routing.models import ModelRoute
from feedback.routing.prompt_vectors.store import LikeTurn, turns_like

BEST_OTHERS = 3  # beside the chosen ones
ALIKE = 3  # prompts that are shown
ALIKE_LOOKED_AT = 30  # among which those are that may be shown
NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class Considered:
    """A model that could have been chosen: its score in [0, 1] with a 95 % interval."""

    label: str
    score: float
    low: float | None
    high: float | None
    propensity: float
    rank: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision, the models that matter for it, and whether it was an exploration."""

    route: ModelRoute
    chosen: list[Considered]
    others: list[Considered]
    considered: int
    explored: bool


def route_find(*, viewer: Contributor, public_id: str) -> ModelRoute:
    """A decision that this person asked for; operators see all, strangers not that it exists."""
    rows = ModelRoute.objects.select_related("turn__conversation")
    found = rows.filter(public_id=public_id).first() if public_id.isalnum() else None
    sees_all = viewer.is_operator and not is_barred(viewer)
    if found is None or not (sees_all or found.contributor_id == viewer.pk):
        raise NotFoundError("unknown_route", _("There is no such decision of yours."))
    if is_blind(found):
        words = _("Judge the two answers first. Then this page names the models and says why.")
        raise ConflictError("not_judged", words)
    return found


def route_of(response: Response) -> ModelRoute | None:
    """The decision that chose the model of an answer; none where the model was named or kept."""
    made = ModelRoute.objects.filter(turn=response.turn_id, chosen__contains=[response.version_id])
    return made.order_by("-id").first() if response.version_id else None


def is_blind(route: ModelRoute) -> bool:
    """Whether the models of this decision must not be named yet."""
    return blind_routes().filter(pk=route.pk).exists()


def blind_routes() -> QuerySet[ModelRoute]:
    """Decisions for duels whose names the person has not seen yet."""
    compared = Comparison.objects.filter(turn=OuterRef("turn"))
    return ModelRoute.objects.filter(Exists(compared), turn__conversation__revealed_at__isnull=True)


def explain(route: ModelRoute) -> Explanation:
    """The chosen models in the order shown, and the best of the others."""
    ranked = sorted(route.considered, key=lambda one: -float(one["score"]))
    chosen = [str(version) for version in route.chosen]
    rows = {
        one["version"]: _row(one, rank, one["version"] in chosen)
        for rank, one in enumerate(ranked, 1)
    }
    shown = [rows[version] for version in chosen]
    others = [row for row in rows.values() if not row.chosen][:BEST_OTHERS]
    return Explanation(route, shown, others, len(ranked), _explored(route, shown))


def prompts_like(route: ModelRoute) -> list[LikeTurn]:
    """Recorded questions that mean about the same; only what everybody may read."""
    if route.turn is None or route.fallback:
        return []
    try:
        near = turns_like(route.turn, limit=ALIKE_LOOKED_AT)
    except UnavailableError:
        return []
    return [one for one in near if _is_public(one.turn)][:ALIKE]


def _is_public(turn: Turn) -> bool:
    return turn.import_key is not None and turn.withheld_at is None and bool(turn.messages)


def _row(one: Mapping[str, Any], rank: int, chosen: bool) -> Considered:
    score = float(one["score"])
    low, high = _interval(score, one.get("deviation"))
    return Considered(one["label"], score, low, high, float(one["propensity"]), rank, chosen)


def _interval(score: float, deviation: float | None) -> tuple[float | None, float | None]:
    """The 95 % interval of a score whose logit has this standard deviation."""
    if deviation is None or not 0.0 < score < 1.0:
        return None, None
    logit = np.log(score / (1.0 - score))
    ends = 1.0 / (1.0 + np.exp(-(logit + deviation * NORMAL_95 * np.array([-1.0, 1.0]))))
    return float(ends[0]), float(ends[1])


def _explored(route: ModelRoute, chosen: list[Considered]) -> bool:
    """Whether a better one was passed over to learn more."""
    if route.strong_chance is not None and route.threshold is not None:
        strong = route.considered[0]["label"]
        wanted = route.strong_chance >= route.threshold
        return len(chosen) == 1 and (chosen[0].label == strong) != wanted
    if route.router_version in ("share", "uniform"):
        return False  # nothing was known that could have been passed over
    return any(one.rank > len(chosen) for one in chosen)
