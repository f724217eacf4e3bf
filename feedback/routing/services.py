"""Choosing the models that a person sees next, with a log of how likely each choice was."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db import models

from feedback.errors import ApplicationError, UnavailableError
from feedback.people.models import Contributor
from feedback.pool.models import Turn
from feedback.registry.models import ModelVersion
from feedback.routing.encoder import PromptUnusedError, encode
from feedback.routing.models import ModelRoute
from feedback.routing.policy import Policy, greedy, thompson
from feedback.routing.posterior import Belief, global_belief, live_embedding, prompt_belief
from trainers.texts import prompt_text


class PolicyName(models.TextChoices):
    """`auto` explores where two models are compared and serves the best where one answers."""

    AUTO = "auto"
    BEST = "best"
    EXPLORE = "explore"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that was considered: its mean score in [0, 1] and its chance to be shown."""

    version: ModelVersion
    score: float
    propensity: float


@dataclass(frozen=True, slots=True)
class Routed:
    """A decision: its log entry, and the chosen models in the order to show."""

    route: ModelRoute
    chosen: tuple[Candidate, ...]


def models_route(
    *,
    messages: Sequence[dict[str, str]],
    candidates: Sequence[ModelVersion],
    k: int = 2,
    policy: str = PolicyName.AUTO,
    contributor: Contributor | None = None,
    turn: Turn | None = None,
) -> Routed:
    """Choose k of the candidates for a prompt and log the decision."""
    started = time.perf_counter()
    _check(k, policy, candidates)
    rng = np.random.default_rng()
    belief, fallback = _belief(messages, [version.label for version in candidates], rng)
    explores = policy == PolicyName.EXPLORE or (policy == PolicyName.AUTO and k == 2)
    chances = thompson(belief.draws) if explores else greedy(belief.means)
    considered = _considered(candidates, belief, chances, k)
    picked = chances.sample(k, rng)
    route = ModelRoute.objects.create(
        turn=turn,
        contributor=contributor,
        policy=policy,
        considered=[
            {
                "version": str(one.version.id),
                "label": one.version.label,
                "score": one.score,
                "propensity": one.propensity,
            }
            for one in considered
        ],
        chosen=[candidates[index].id for index in picked],
        pair_propensity=chances.propensity(picked),
        router_version=belief.router_version,
        fallback=fallback,
        latency_ms=(time.perf_counter() - started) * 1000,
    )
    return Routed(route, tuple(considered[index] for index in picked))


def _check(k: int, policy: str, candidates: Sequence[ModelVersion]) -> None:
    if k not in (1, 2):
        raise ApplicationError("invalid", "k is 1 or 2.", fields={"k": "1 or 2."})
    if policy not in PolicyName.values:
        raise ApplicationError(
            "invalid", "No such policy.", fields={"policy": f"One of {PolicyName.values}."}
        )
    if len(candidates) < k:
        raise UnavailableError(
            "too_few_models", f"{k} models are wanted and {len(candidates)} can answer now."
        )


def _belief(
    messages: Sequence[dict[str, str]], labels: list[str], rng: np.random.Generator
) -> tuple[Belief, str]:
    """What is believed about the candidates, and why it is not about this prompt, if so."""
    checkpoint = live_embedding()
    if checkpoint is None:
        return global_belief(labels, rng), "no_embedding"
    try:
        return prompt_belief(checkpoint, labels, encode(prompt_text(messages)), rng), ""
    except PromptUnusedError as reason:
        return global_belief(labels, rng), str(reason)


def _considered(
    candidates: Sequence[ModelVersion], belief: Belief, chances: Policy, k: int
) -> list[Candidate]:
    scores = 1.0 / (1.0 + np.exp(-belief.means))
    return [
        Candidate(version, float(score), float(shown))
        for version, score, shown in zip(candidates, scores, chances.shown(k), strict=True)
    ]
