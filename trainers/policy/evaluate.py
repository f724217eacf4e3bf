"""How a policy differs from its reference, on the decided test comparisons of a snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from trainers.arrays import Floats, Ints
from trainers.artifacts import CARD, Artifact, open_artifact
from trainers.data.snapshot import Snapshot
from trainers.data.texts import Conversation
from trainers.policy.adapter import Policy, load_policy
from trainers.policy.config import POLICY, PolicyConfig
from trainers.policy.logprobs import Report, all_pair_log_probs
from trainers.policy.pairs import Pair, Pool, tokenize_pairs
from trainers.policy.samples import sample_report
from trainers.reward.score import Scorer
from trainers.statistics.measures import mean, row_accuracy, with_intervals


def evaluate(artifact: Artifact, snapshot: Snapshot) -> dict[str, Any]:
    """Return the metrics of the artifact's card, on the test split of another snapshot.

    `initial_margin_rms` belongs to the training and is left out; so are the mean rewards where the
    reward artifact of the training is gone.
    """
    policy, config, pairs = _opened(artifact, snapshot)
    samples = sample_report(policy, config, prompts_of(pairs), open_scorer(config), unreported)
    return {**samples.metrics, **held_out_metrics(implicit_rewards(policy, config, pairs), pairs)}


def evaluate_prompts(artifact: Artifact, snapshot: Snapshot) -> pa.Table:
    """Return `score` (implicit accuracy) and `n` (comparisons) of every test prompt.

    What a promotion gate compares two policies by, in a paired bootstrap over prompts.
    """
    policy, config, pairs = _opened(artifact, snapshot)
    found = implicit_rewards(policy, config, pairs)
    n = np.bincount(found.cluster)  # comparisons of each prompt
    right = np.bincount(found.cluster, found.right)
    return pa.table({"prompt_id": found.prompts, "score": right / n, "n": n})


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """What a policy makes of n test comparisons.

    margin   [n] beta h, the implicit reward of the chosen answer above the rejected, in nats
    right    [n] 1 where it is positive, 1/2 where it is 0
    cluster  [n] the number of the comparison's prompt in `prompts`
    """

    margin: Floats
    right: Floats
    cluster: Ints
    prompts: list[str]


def unreported(_done: int, _total: int) -> None:
    """Say nothing of how far a measurement is."""


def implicit_rewards(
    policy: Policy, config: PolicyConfig, pairs: Sequence[Pair], report: Report = unreported
) -> EvaluationResult:
    """Return the gaps of the implicit rewards beta log(pi / pi_ref) of every pair's answers."""
    tokens = tokenize_pairs(pairs, policy.dialogue)
    pad, size = policy.tokenizer.pad_token_id, config.optim.per_device_train_batch_size
    now = all_pair_log_probs(
        policy.model, tokens, pad, size, lambda done, total: report(done, 2 * total)
    )
    with policy.model.disable_adapter():
        # The same weights without the adapter: no second model in memory.
        reference = all_pair_log_probs(
            policy.model, tokens, pad, size, lambda done, total: report(total + done, 2 * total)
        )
    # [2, n] of log pi / pi_ref, in nats: the answers' implicit rewards over beta.
    chosen, rejected = (now - reference).double().numpy()
    margin = config.beta * (chosen - rejected)
    prompts, cluster = np.unique([pair.prompt_id for pair in pairs], return_inverse=True)
    return EvaluationResult(
        margin=margin,
        right=row_accuracy(margin, np.ones(len(pairs))),  # `chosen` is the winner of every pair
        cluster=cluster,
        prompts=prompts.tolist(),
    )


def held_out_metrics(found: EvaluationResult, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return how a policy ranks the answers of pairs, each number with its interval by prompt.

    The reference itself has a margin of 0 on every pair, hence half of them right.
    """
    # In characters; positive where the longer answer had won.
    longer = np.array([len(pair.chosen) - len(pair.rejected) for pair in pairs], np.float64)
    length = row_accuracy(longer, np.ones(len(pairs)))

    def statistics(weights: Floats) -> Mapping[str, float]:
        return {
            "implicit_accuracy": mean(found.right, weights),
            "implicit_margin": mean(found.margin, weights),
            "baseline_length_accuracy": mean(length, weights),
        }

    return {
        **with_intervals(statistics, found.cluster),
        "baseline_reference_accuracy": 0.5,
        "n": len(pairs),
        "n_prompts": len(found.prompts),
    }


def prompts_of(pairs: Sequence[Pair]) -> dict[str, Conversation]:
    """Return the distinct prompts of pairs, in their order."""
    return {pair.prompt_id: pair.messages for pair in pairs}


def open_scorer(config: PolicyConfig) -> Scorer | None:
    """Return the reward model that scores sampled answers, where there is one."""
    if config.reward_model is None or not (Path(config.reward_model) / CARD).is_file():
        return None
    return Scorer(open_artifact(Path(config.reward_model)))


def held_out_pairs(pool: Pool, config: PolicyConfig) -> list[Pair]:
    """Return the decided pairs of the test split that a policy is measured by."""
    return pool.pairs("test", limit=config.max_test_pairs, seed=config.seed, decided=True)


def _opened(artifact: Artifact, snapshot: Snapshot) -> tuple[Policy, PolicyConfig, list[Pair]]:
    config = POLICY.stored(artifact.card["config"])
    return load_policy(artifact, config.device), config, held_out_pairs(Pool.read(snapshot), config)
