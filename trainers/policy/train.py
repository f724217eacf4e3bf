"""Training a policy from a snapshot: a base, an adapter on top, and what they can do."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from trainers.artifacts import Artifact, open_artifact, write_artifact
from trainers.data.snapshot import Snapshot
from trainers.policy.adapter import Policy, add_adapter, save_policy
from trainers.policy.base import Base, build_tiny, load_base
from trainers.policy.config import PolicyConfig, TinyPolicyConfig
from trainers.policy.dialogue import Dialogue
from trainers.policy.evaluate import held_out_metrics, held_out_pairs, open_scorer
from trainers.policy.fit import Example, fit_adapter
from trainers.policy.logprobs import all_pair_log_probs
from trainers.policy.pairs import Pair, Pool, tokenize_pairs
from trainers.progress import Progress
from trainers.settings.config import as_json
from trainers.tuning.devices import make_deterministic, pick_device


def train(snapshot: Snapshot, out: Path, config: PolicyConfig, progress: Progress) -> Artifact:
    """Tune an adapter by preference-scaled DPO, measure it, write the artifact.

    The same snapshot, config, code and seed give the same files on the same machine.
    """
    if config.reward_model is not None:
        open_artifact(Path(config.reward_model))  # refuse a broken one before the work
    progress.plan({"base": 5, "reference": 1, "train": 6, "evaluate": 2})
    make_deterministic(config.seed)
    if isinstance(config, TinyPolicyConfig):
        torch.set_num_threads(1)  # on so small a model a second thread only waits for the first
    pool = Pool.read(snapshot)
    pairs = pool.pairs("train", limit=config.max_train_pairs, seed=config.seed)
    # Before the work: a snapshot without a pair to test on is refused here.
    tested = held_out_pairs(pool, config)
    base = _base(pool, config, progress)
    dialogue = Dialogue(base.tokenizer, config.max_length)
    model = add_adapter(base, config)
    examples = _examples(model, pairs, dialogue, config, progress)
    # Now: evaluation tokenises with the same dialogue and counts on.
    cuts = asdict(dialogue.cuts)
    fitted = fit_adapter(model, examples, base.tokenizer.pad_token_id, config, progress)
    model.eval()
    progress.report("evaluate", 0, 1)
    policy = Policy(model, dialogue, {})
    card = {
        "snapshot_digest": snapshot.digest,
        "config": as_json(config),
        "seed": config.seed,
        "metrics": held_out_metrics(policy, config, tested, open_scorer(config)),
        "training": {
            "steps": fitted.steps,
            "loss": fitted.loss,
            "per_device_train_batch_size": fitted.size,
            "pairs": len(pairs),
            "cut": cuts,
        },
    }
    artifact = write_artifact(
        out,
        kind="policy",
        card_fields=card,
        write_files=lambda folder: save_policy(model, base.tokenizer, config, folder),
    )
    progress.report("evaluate", 1, 1)
    return artifact


def _base(pool: Pool, config: PolicyConfig, progress: Progress) -> Base:
    device = pick_device(config.device)
    if isinstance(config, TinyPolicyConfig):
        # Two answers a pair.
        most = 2 * config.max_train_pairs if config.max_train_pairs is not None else None
        answers = pool.training_answers(limit=most, seed=config.seed)
        base = build_tiny(answers, config, device, progress)
    else:
        base = load_base(config.model_name_or_path, device)
    progress.report("base", 1, 1)
    return base


def _examples(
    model: Any,
    pairs: Sequence[Pair],
    dialogue: Dialogue,
    config: PolicyConfig,
    progress: Progress,
) -> list[Example]:
    """Return the pairs as tokens with their reference log-probabilities.

    Those are computed once, with the adapter off: the reference never changes.
    """
    tokens = tokenize_pairs(pairs, dialogue)
    progress.report("reference", 0, 1)
    with model.disable_adapter():
        found = all_pair_log_probs(
            model, tokens, dialogue.tokenizer.pad_token_id, config.optim.per_device_train_batch_size
        )
    progress.report("reference", 1, 1)
    return [
        Example(pair=pair, reference=(chosen, rejected))
        for pair, (chosen, rejected) in zip(tokens, found.T.tolist(), strict=True)
    ]
