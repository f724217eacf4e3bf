"""The worth of each embedding as a router, held out and off-policy: a table for operators."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback.training.models import Checkpoint, CheckpointState, Kind, Promotion
from feedback.training.promotion.verdict_text import WARNINGS

SHOWN = 10
HELD_OUT = ("routed_score", "accuracy")  # the first that the artifact has
STATES = {
    CheckpointState.CANDIDATE: gettext_lazy("Kept as a candidate"),
    CheckpointState.LIVE: gettext_lazy("Live"),
    CheckpointState.REFUSED: gettext_lazy("Refused"),
    CheckpointState.REPLACED: gettext_lazy("Replaced"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentInterval:
    """A share in per cent with its 95 % interval."""

    percent: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """One embedding: its held-out score, and three estimates from duels that it had not seen."""

    checkpoint: Checkpoint
    state: str
    promoted_by: str
    held_out: PercentInterval | None
    ips: PercentInterval | None
    snips: PercentInterval | None
    dr: PercentInterval | None
    n: int
    effective_n: float
    warnings: tuple[str, ...]

    @property
    def lines(self) -> list[tuple[str, PercentInterval]]:
        """Return the estimates there are, by name."""
        named = [
            (_("Held out"), self.held_out),
            (_("Doubly robust"), self.dr),
            ("SNIPS", self.snips),
            ("IPS", self.ips),
        ]
        return [(name, share) for name, share in named if share is not None]


def evaluations_shown(limit: int = SHOWN) -> list[Evaluated]:
    """Return the newest embeddings, each with what was measured when it was trained."""
    promotions = Promotion.objects.select_related("decided_by").order_by("created_at")
    found = (
        Checkpoint.objects.filter(kind=Kind.EMBEDDING)
        .select_related("run")
        .prefetch_related(Prefetch("promotions", promotions))
        .order_by("-version")[:limit]
    )
    return [_evaluated(checkpoint) for checkpoint in found]


def _evaluated(checkpoint: Checkpoint) -> Evaluated:
    metrics = checkpoint.metrics
    held_out = next((name for name in HELD_OUT if name in metrics), HELD_OUT[0])
    return Evaluated(
        checkpoint=checkpoint,
        state=str(STATES[CheckpointState(checkpoint.state)]),
        promoted_by=_promoted_by(checkpoint),
        held_out=_share(metrics, held_out),
        ips=_share(metrics, "duels_ips"),
        snips=_share(metrics, "duels_snips"),
        dr=_share(metrics, "duels_dr"),
        n=metrics.get("duels_n", 0),
        effective_n=metrics.get("duels_effective_n", 0.0),
        warnings=tuple(str(WARNINGS.get(one, one)) for one in metrics.get("duels_warnings", ())),
    )


def _share(metrics: Mapping[str, Any], name: str) -> PercentInterval | None:
    if f"{name}_ci" not in metrics:
        return None
    low, high = metrics[f"{name}_ci"]
    return PercentInterval(percent=100 * metrics[name], low=100 * low, high=100 * high)


def _promoted_by(checkpoint: Checkpoint) -> str:
    """Return who made it live last; the gate where nobody did; empty where it never was."""
    last = next(reversed(checkpoint.promotions.all()), None)
    if last is None:
        return ""
    return str(last.decided_by) if last.decided_by else _("the gate")
