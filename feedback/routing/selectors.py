"""Reads of routing: who can be chosen, and a decision in the words of the API."""

from typing import Any

from feedback.registry.health import well_versions
from feedback.registry.models import ModelVersion
from feedback.routing.models import Threshold
from feedback.routing.services import Routed
from feedback.routing.ttl_cache import for_a_moment


def routable_versions() -> list[ModelVersion]:
    """Every version that people could meet: neither paused nor retired, nor resting.

    As of a moment ago: `models_route` leaves out at once who cannot be asked any more.
    """
    return list(_routable())


@for_a_moment
def _routable() -> list[ModelVersion]:
    return list(well_versions().order_by("label"))


def threshold_names() -> list[str]:
    """The names of all thresholds, which are policies."""
    return list(Threshold.objects.order_by("name").values_list("name", flat=True))


def route_body(routed: Routed) -> dict[str, Any]:
    """A decision as `POST /api/v1/route/` gives it."""
    route = routed.route
    return {
        "route": route.public_id,
        "models": [
            {
                "model": one.version.label,
                "version": one.version.version,
                "score": one.score,
                "propensity": one.propensity,
            }
            for one in routed.chosen
        ],
        "pair_propensity": route.pair_propensity,
        "router_version": route.router_version,
        "fallback": route.fallback or None,
        "latency_ms": route.latency_ms,
    }
