"""Read a decision back from the log: why these models, for who asked and for operators.

Nothing here is worked out anew: scores, chances and reasons are those that were logged when the
choice was made. While the two answers of a duel wait for a judgment nobody is told, whoever asks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from django.utils.translation import gettext as _

from feedback.database.lookup import get_or_not_found
from feedback.errors import ConflictError, UnavailableError
from feedback.people.authentication import is_barred
from feedback.people.models import Contributor
from feedback.pool.models import Response, Turn
from feedback.routing.models import ModelRoute
from feedback.routing.posterior import NORMAL_95
from feedback.routing.prompt_vectors.store import LikeTurn, turns_like
from trainers.statistics.logistic import sigmoid

BEST_OTHERS = 3  # beside the chosen ones
ALIKE = 3  # prompts that are shown
ALIKE_LOOKED_AT = 30  # among which those are that may be shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A model that could have been chosen: its score in [0, 1] with a 95 % interval."""

    label: str
    score: float
    low: float | None
    high: float | None
    propensity: float
    rank: int
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A decision, the models that matter for it, and whether it was an exploration."""

    route: ModelRoute
    chosen: list[Considered]
    others: list[Considered]
    considered: int
    explored: bool


def route_find(*, viewer: Contributor, public_id: str) -> ModelRoute:
    """Return a decision that this person asked for; operators may read all.

    Raises NotFoundError to everybody else, whether it exists or not, and ConflictError while its
    two answers wait for a judgment.
    """
    rows = ModelRoute.objects.select_related("turn__conversation")
    if not viewer.is_operator or is_barred(viewer):
        rows = rows.filter(contributor=viewer)
    missing = _("There is no such decision of yours.")
    found = get_or_not_found(rows, "unknown_route", missing, public_id=public_id)
    if ModelRoute.objects.blind().filter(pk=found.pk).exists():
        message = _("Judge the two answers first. Then this page names the models and says why.")
        raise ConflictError("not_judged", message)
    return found


def route_ids_of(responses: Iterable[Response]) -> dict[UUID, str]:
    """Return, by answer, the public id of the newest decision that chose its model; one query.

    An answer is missing where the person named the model, or it went on from the turn before.
    """
    answers = {(response.turn_id, response.version_id): response.pk for response in responses}
    made = ModelRoute.objects.filter(turn__in={turn_id for turn_id, _version in answers})
    return {
        answers[turn_id, version_id]: public_id
        for turn_id, chosen, public_id in made.order_by("id").values_list(
            "turn_id", "chosen", "public_id"
        )
        for version_id in chosen
        if (turn_id, version_id) in answers
    }


def explain(route: ModelRoute) -> Explanation:
    """Return the chosen models in the order shown, and the best of the others."""
    ranked = sorted(route.considered, key=lambda one: -float(one["score"]))
    chosen = [str(version) for version in route.chosen]
    rows = {
        one["version"]: _row(one, rank, one["version"] in chosen)
        for rank, one in enumerate(ranked, 1)
    }
    shown = [rows[version] for version in chosen]
    others = [row for row in rows.values() if not row.chosen][:BEST_OTHERS]
    return Explanation(
        route=route,
        chosen=shown,
        others=others,
        considered=len(ranked),
        explored=_explored(route, shown),
    )


def prompts_like(route: ModelRoute) -> list[LikeTurn]:
    """Return recorded questions that mean about the same; only what everybody may read."""
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
    return Considered(
        label=one["label"],
        score=score,
        low=low,
        high=high,
        propensity=float(one["propensity"]),
        rank=rank,
        chosen=chosen,
    )


def _interval(score: float, deviation: float | None) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a score whose logit has this standard deviation."""
    if deviation is None or not 0.0 < score < 1.0:
        return None, None
    logit = np.log(score / (1.0 - score))
    low, high = sigmoid(logit + deviation * NORMAL_95 * np.array([-1.0, 1.0]))
    return float(low), float(high)


def _explored(route: ModelRoute, chosen: list[Considered]) -> bool:
    """Say whether a better one was passed over to learn more."""
    if route.strong_chance is not None and route.threshold is not None:
        strong = route.considered[0]["label"]
        wanted = route.strong_chance >= route.threshold
        return len(chosen) == 1 and (chosen[0].label == strong) != wanted
    if route.router_version in ("share", "uniform"):
        return False  # nothing was known that could have been passed over
    return any(one.rank > len(chosen) for one in chosen)
