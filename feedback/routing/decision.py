"""From a prompt to how likely each choice is: read it, ask who believes what, apply the policy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feedback.registry.models import ModelVersion
from feedback.routing.models import Threshold
from feedback.routing.names import PolicyName
from feedback.routing.policy import Policy, between, greedy, thompson
from feedback.routing.posterior import (
    Belief,
    global_belief,
    live_embedding,
    prompt_belief,
    readable,
)
from feedback.routing.prompt_vectors.client import PromptUnusedError
from feedback.routing.prompt_vectors.store import prompt_vector
from feedback.routing.thresholds.services import decided_share, strong_chance
from feedback.training.models import Checkpoint

BY_SHARE = "share"  # who believes, where a threshold cannot be applied: nobody, a coin decides


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt's vector (d,) and the embedding that reads it, or why it is not used."""

    checkpoint: Checkpoint | None = None
    vector: NDArray[np.float32] | None = None
    unused: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """How likely each choice among the candidates is, who believes so, and why not the prompt."""

    chances: Policy
    belief: Belief
    router_version: str
    fallback: str
    strong_chance: float | None = None
    threshold: float | None = None


def prompt_read(messages: Sequence[dict[str, str]]) -> Prompt:
    """The prompt's vector from the inference server, within its deadline."""
    checkpoint = live_embedding()
    if checkpoint is None:
        return Prompt(unused="no_embedding")
    try:
        return Prompt(checkpoint, prompt_vector(messages, readable(checkpoint)))
    except PromptUnusedError as reason:
        return Prompt(checkpoint, unused=str(reason))


def decide(
    prompt: Prompt,
    able: Sequence[ModelVersion],
    k: int,
    policy: str | Threshold,
    rng: np.random.Generator,
) -> Decision:
    """What the policy makes of the models that can be asked."""
    belief, fallback = _believed(prompt, [version.label for version in able], rng)
    if isinstance(policy, Threshold):
        return _between(prompt, able, policy, belief, fallback)
    explores = policy == PolicyName.EXPLORE or (policy == PolicyName.AUTO and k == 2)
    chances = thompson(belief.draws) if explores else greedy(belief.means)
    return Decision(chances, belief, belief.router_version, fallback)


def _believed(prompt: Prompt, labels: list[str], rng: np.random.Generator) -> tuple[Belief, str]:
    """What is believed about the models, and why it is not about this prompt, if so."""
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
    """The strong or the weak model; `able` holds them in this order, or the one that is left.

    Where the threshold cannot be applied the share is kept all the same, by chance.
    """
    if len(able) == 1:
        away = "weak_away" if able[0] == pair.strong else "strong_away"
        return Decision(greedy(belief.means), belief, belief.router_version, away)
    if not fallback and (pair.threshold is None or pair.checkpoint != prompt.checkpoint):
        fallback = "threshold_stale"
    if fallback or pair.threshold is None:
        return Decision(between(decided_share(pair.share)), belief, BY_SHARE, fallback)
    chance = float(strong_chance(belief.means, belief.deviations))
    chances = between(float(chance >= pair.threshold))
    return Decision(chances, belief, belief.router_version, "", chance, pair.threshold)
