"""Choose the models that a person sees next, and log how likely each choice was."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext as _

from feedback.errors import InvalidError, NotFoundError, UnavailableError
from feedback.people.models import Contributor
from feedback.pool.models import Turn
from feedback.registry.models import ModelVersion
from feedback.routing.constraints import ANY, Constraints, versions_able
from feedback.routing.decision import Decision, decide, prompt_read
from feedback.routing.models import ModelRoute, PolicyName, Threshold
from feedback.routing.thresholds.selectors import threshold_get
from trainers.statistics.logistic import sigmoid


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that was considered, with its chance to be shown.

    score: the expected score in [0, 1]; deviation: the standard deviation of its logit; held_back:
    whether it is clearly worse than all others, and shown to explore alone.
    """

    version: ModelVersion
    score: float
    deviation: float
    propensity: float
    held_back: bool

    def logged(self) -> dict[str, object]:
        """Return what the log keeps of it."""
        entry: dict[str, object] = {
            "version": str(self.version.id),
            "label": self.version.label,
            "score": round(self.score, 6),
            "deviation": round(self.deviation, 6),
            "propensity": self.propensity,  # in full: off-policy estimates divide by it
        }
        return entry | {"held_back": True} if self.held_back else entry


@dataclass(frozen=True, slots=True)
class Routed:
    """A decision: its log entry, and the chosen models in the order to show."""

    route: ModelRoute
    chosen: tuple[Candidate, ...]

    @property
    def fallback(self) -> str | None:
        """Return why the prompt was not used, in a word; None where it was."""
        return self.route.fallback or None


def models_route(
    *,
    messages: Sequence[dict[str, str]],
    candidates: Sequence[ModelVersion],
    k: int = 2,
    policy: str = PolicyName.AUTO,
    constraints: Constraints = ANY,
    contributor: Contributor | None = None,
    turn: Turn | None = None,
) -> Routed:
    """Choose k (1 or 2) of the candidates for a prompt and log the decision.

    `policy`: a `PolicyName`, or the name of a threshold, which chooses between its two models.
    Raises InvalidError for an unknown policy, topic or k, and UnavailableError (`too_few_models`)
    where fewer than k candidates can be asked and meet the constraints.
    """
    started = time.perf_counter()
    if k not in (1, 2):
        raise InvalidError({"k": _("1 or 2.")}, _("k is 1 or 2."))
    applied = _policy(policy)
    prompt = prompt_read(messages)
    # Who may be asked is looked up after the wait for the encoder: a pause counts at once.
    able = versions_able(candidates, constraints)
    if isinstance(applied, Threshold):
        able = [version for version in (applied.strong, applied.weak) if version in able]
    if len(able) < k:
        raise _too_few(k, able, candidates, constraints)
    rng = np.random.default_rng()
    decision = decide(prompt=prompt, able=able, k=k, policy=applied, rng=rng)
    considered = _considered(able, decision, k)
    picked = decision.chances.sample(k, rng)
    route = ModelRoute.objects.create(
        turn=turn,
        contributor=contributor,
        policy=policy,
        constraints=constraints.asked(),
        considered=[one.logged() for one in considered],
        chosen=[able[index].id for index in picked],
        pair_propensity=decision.chances.propensity(picked),
        router_version=decision.router_version,
        fallback=decision.fallback,
        strong_chance=decision.strong_chance,
        threshold=decision.threshold,
        latency_ms=(time.perf_counter() - started) * 1000,
    )
    return Routed(route, tuple(considered[index] for index in picked))


def _policy(name: str) -> str | Threshold:
    """Return the policy of that name: its name, or the threshold."""
    if name in PolicyName.values:
        return name
    try:
        return threshold_get(name)
    except NotFoundError:
        known = _("One of %(names)s, or the name of a threshold.")
        fields = {"policy": known % {"names": ", ".join(PolicyName.values)}}
        raise InvalidError(fields, _("There is no such policy.")) from None


def _too_few(
    k: int,
    able: Sequence[ModelVersion],
    candidates: Sequence[ModelVersion],
    constraints: Constraints,
) -> UnavailableError:
    counts = {"k": k, "n": len(able), "all": len(candidates)}
    message = _("%(k)s models are wanted and %(n)s can answer now.") % counts
    if asked := constraints.asked():
        limits = _("Of %(all)s candidates these are those that meet what was asked: %(asked)s.")
        listed = "; ".join(f"{name} {_listed(value)}" for name, value in asked.items())
        message = f"{message} {limits % (counts | {'asked': listed})}"
    return UnavailableError("too_few_models", message)


def _listed(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else f"{value:g}"


def _considered(able: Sequence[ModelVersion], decision: Decision, k: int) -> list[Candidate]:
    belief = decision.belief
    return [
        Candidate(
            version=version,
            score=float(score),
            deviation=float(deviation),
            propensity=float(propensity),
            held_back=row == decision.worst,
        )
        for row, (version, score, deviation, propensity) in enumerate(
            zip(
                able,
                sigmoid(belief.means),
                belief.deviations,
                decision.chances.shown(k),
                strict=True,
            )
        )
    ]
