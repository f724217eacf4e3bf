"""Reads of routing: who can be chosen, and a decision in the words of the API."""

from typing import Any

from feedback.registry.models import ModelVersion, VersionState
from feedback.routing.services import Routed


def routable_versions() -> list[ModelVersion]:
    """Every version that people could meet: neither paused nor retired."""
    return list(ModelVersion.objects.filter(state=VersionState.ACTIVE).order_by("label"))


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
