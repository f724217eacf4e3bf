"""How a policy differs from its reference, on the decided test comparisons of a snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainers.artifacts import CARD, Artifact, open_artifact
from trainers.data.snapshot import Snapshot
from trainers.policy.adapter import Policy, load_policy
from trainers.policy.config import POLICY, PolicyConfig
from trainers.policy.logprobs import all_pair_log_probs
from trainers.policy.pairs import Pair, Pool, tokenize_pairs
from trainers.policy.samples import sampled_metrics
from trainers.reward.score import Scorer
from trainers.statistics.measures import mean, row_accuracy, with_intervals

Floats = NDArray[np.float64]


def evaluate(artifact: Artifact, snapshot: Snapshot) -> dict[str, Any]:
    """The metrics of the artifact's card, on the test split of another snapshot.

    The mean rewards are left out where the reward artifact of the training is gone.
    """
    policy, config, pairs = _opened(artifact, snapshot)
    return held_out_metrics(policy, config, pairs, open_scorer(config))


def evaluate_prompts(artifact: Artifact, snapshot: Snapshot) -> pa.Table:
    """`score` (implicit accuracy) and `n` (comparisons) of every test prompt.

    What a promotion gate compares two policies by, in a paired bootstrap over prompts.
    """
    policy, config, pairs = _opened(artifact, snapshot)
    judged = judge(policy, config, pairs)
    n = np.bincount(judged.cluster)
    right = np.bincount(judged.cluster, judged.right)
    return pa.table({"prompt_id": judged.prompts, "score": right / n, "n": n})


@dataclass(frozen=True, slots=True)
class Judged:
    """The test comparisons, (n,) each.

    margin   beta * h, the implicit reward of the chosen answer above the rejected, in nats
    right    1 where it is positive, 1/2 where it is 0
    cluster  the number of the comparison's prompt in `prompts`
    """

    margin: Floats
    right: Floats
    cluster: NDArray[np.int64]
    prompts: list[str]


def judge(policy: Policy, config: PolicyConfig, pairs: Sequence[Pair]) -> Judged:
    """Implicit rewards beta * log(pi / pi_ref) of both answers of every pair."""
    tokens = tokenize_pairs(pairs, policy.dialogue)
    pad = policy.tokenizer.pad_token_id
    now = all_pair_log_probs(policy.model, tokens, pad, config.optim.per_device_train_batch_size)
    with policy.model.disable_adapter():
        reference = all_pair_log_probs(
            policy.model, tokens, pad, config.optim.per_device_train_batch_size
        )
    chosen, rejected = (now - reference).double().numpy()
    margin = config.beta * (chosen - rejected)
    prompts, cluster = np.unique([pair.prompt_id for pair in pairs], return_inverse=True)
    return Judged(margin, row_accuracy(margin, np.ones(len(pairs))), cluster, prompts.tolist())


def held_out_metrics(
    policy: Policy, config: PolicyConfig, pairs: Sequence[Pair], scorer: Scorer | None
) -> dict[str, Any]:
    """The metrics of the contract, each with its interval clustered by prompt.

    The reference itself has a margin of 0 on every pair, hence half of them right.
    """
    judged = judge(policy, config, pairs)
    longer = np.array([len(pair.chosen) - len(pair.rejected) for pair in pairs], np.float64)
    length = row_accuracy(longer, np.ones(len(pairs)))

    def statistics(weights: Floats) -> Mapping[str, float]:
        return {
            "implicit_accuracy": mean(judged.right, weights),
            "implicit_margin": mean(judged.margin, weights),
            "baseline_length_accuracy": mean(length, weights),
        }

    conversations = {pair.prompt_id: pair.messages for pair in pairs}
    return {
        **sampled_metrics(policy, config, list(conversations.values()), scorer),
        **with_intervals(statistics, judged.cluster),
        "baseline_reference_accuracy": 0.5,
        "n": len(pairs),
        "n_prompts": len(conversations),
    }


def open_scorer(config: PolicyConfig) -> Scorer | None:
    """The reward model that scores sampled answers, where there is one."""
    if config.reward_model is None or not (Path(config.reward_model) / CARD).is_file():
        return None
    return Scorer(open_artifact(Path(config.reward_model)))


def held_out_pairs(pool: Pool, config: PolicyConfig) -> list[Pair]:
    """The decided pairs of the test split that a policy is judged by."""
    return pool.pairs("test", limit=config.max_test_pairs, seed=config.seed, decided=True)


def _opened(artifact: Artifact, snapshot: Snapshot) -> tuple[Policy, PolicyConfig, list[Pair]]:
    config = POLICY.stored(artifact.card["config"])
    return load_policy(artifact, config.device), config, held_out_pairs(Pool.read(snapshot), config)
