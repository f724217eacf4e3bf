"""From a prompt to how likely each choice is: read it, find what is believed, apply the policy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from feedback.registry.models import ModelVersion
from feedback.routing.models import PolicyName, Threshold
from feedback.routing.policy import Policy, between, clearly_worst, greedy, held_back, thompson
from feedback.routing.posterior import (
    Belief,
    global_belief,
    live_embedding,
    prompt_belief,
    readable_scorer,
)
from feedback.routing.prompt_vectors.client import PromptUnusedError
from feedback.routing.prompt_vectors.store import prompt_vector
from feedback.routing.thresholds.calibration import decided_share, strong_chance
from feedback.training.models import Checkpoint
from trainers.arrays import Floats32

BY_SHARE = "share"  # who believes, where a threshold cannot be applied: nobody, a coin decides


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt's vector [d] and the embedding that reads it, or why it is not used."""

    checkpoint: Checkpoint | None = None
    vector: Floats32 | None = None
    unused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The probability of each choice among the candidates, by whose belief.

    `fallback`: why the prompt was not used; empty where it was. `worst`: the row of the candidate
    that is held back, as it is clearly worse than all others.
    """

    chances: Policy
    belief: Belief
    router_version: str
    fallback: str
    worst: int | None = None
    strong_chance: float | None = None
    threshold: float | None = None


def prompt_read(messages: Sequence[dict[str, str]]) -> Prompt:
    """Ask the inference server for the prompt's vector, within its deadline."""
    checkpoint = live_embedding()
    if checkpoint is None:
        return Prompt(unused="no_embedding")
    try:
        vector = prompt_vector(messages, readable_scorer(checkpoint))
    except PromptUnusedError as reason:
        return Prompt(checkpoint=checkpoint, unused=str(reason))
    return Prompt(checkpoint=checkpoint, vector=vector)


def decide(
    *,
    prompt: Prompt,
    able: Sequence[ModelVersion],
    k: int,
    policy: str | Threshold,
    rng: np.random.Generator,
) -> Decision:
    """Apply the policy to the models that can be asked: k of `able` are wanted."""
    belief, fallback = _believed(prompt, [version.label for version in able], rng)
    if isinstance(policy, Threshold):
        return _between(prompt, able, policy, belief, fallback)
    explores = policy == PolicyName.EXPLORE or (policy == PolicyName.AUTO and k == 2)
    worst = clearly_worst(belief.draws, belief.known) if len(able) > k else None
    # The clearly worst one has the lowest mean, so `greedy` holds it back by itself.
    draws = held_back(belief.draws, worst)
    return Decision(
        chances=thompson(draws) if explores else greedy(belief.means),
        worst=worst,
        belief=belief,
        router_version=belief.router_version,
        fallback=fallback,
    )


def _believed(prompt: Prompt, labels: list[str], rng: np.random.Generator) -> tuple[Belief, str]:
    """Return what is believed about the models, and why it is not about this prompt, if so."""
    if prompt.checkpoint is None or prompt.vector is None:
        return global_belief(labels, rng), prompt.unused
    try:
        return prompt_belief(prompt.checkpoint, labels, prompt.vector, rng), ""
    except PromptUnusedError as reason:
        return global_belief(labels, rng), str(reason)


def _between(
    prompt: Prompt,
    able: Sequence[ModelVersion],
    pair: Threshold,
    belief: Belief,
    fallback: str,
) -> Decision:
    """Choose the strong or the weak model; `able` holds them in this order, or the one left.

    Where the threshold cannot be applied the share is kept all the same, by chance.
    """
    if len(able) == 1:
        return Decision(
            chances=greedy(belief.means),
            belief=belief,
            router_version=belief.router_version,
            fallback="weak_away" if able[0] == pair.strong else "strong_away",
        )
    if not fallback and (pair.threshold is None or pair.checkpoint != prompt.checkpoint):
        fallback = "threshold_stale"
    if fallback or pair.threshold is None:
        chances = between(decided_share(pair.share))
        return Decision(chances=chances, belief=belief, router_version=BY_SHARE, fallback=fallback)
    chance = float(strong_chance(belief.means, belief.deviations))
    return Decision(
        chances=between(float(chance >= pair.threshold)),
        belief=belief,
        router_version=belief.router_version,
        fallback="",
        strong_chance=chance,
        threshold=pair.threshold,
    )
