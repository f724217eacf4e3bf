"""Training a policy from a snapshot: a base, an adapter on top, and what they can do."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from trainers.artifacts import Artifact, json_text, open_artifact, write_artifact
from trainers.data.snapshot import Snapshot
from trainers.policy.adapter import Policy, add_adapter, save_policy
from trainers.policy.base import Base, build_tiny, find_checkpoint, load_base
from trainers.policy.config import PolicyConfig, SmolLM2PolicyConfig, TinyPolicyConfig
from trainers.policy.dialogue import Dialogue
from trainers.policy.evaluate import (
    held_out_metrics,
    held_out_pairs,
    implicit_rewards,
    open_scorer,
    prompts_of,
)
from trainers.policy.fit import Example, FitResult, fit_adapter
from trainers.policy.logprobs import all_pair_log_probs
from trainers.policy.pairs import Pair, Pool, tokenize_pairs
from trainers.policy.samples import SampleReport, sample_report
from trainers.pretrained.room import MEGABYTE, check_room
from trainers.pretrained.weights import weights_digest
from trainers.progress import Progress
from trainers.settings.config import as_json
from trainers.tuning.devices import make_deterministic, pick_device, pick_dtype

SAMPLES = "samples.json"
TRAINING_MEMORY = 2_000 * MEGABYTE  # at the default window of 512 tokens, a pair a forward


def train(snapshot: Snapshot, out: Path, config: PolicyConfig, progress: Progress) -> Artifact:
    """Tune an adapter by preference-scaled DPO, measure it, write the artifact.

    The same snapshot, config, code and seed give the same files on the same machine.
    """
    if config.reward_model is not None:
        open_artifact(Path(config.reward_model))  # refuse a broken one before the work
    progress.plan({"base": 2, "reference": 2, "train": 6, "evaluate": 1, "sample": 3})
    make_deterministic(config.seed)
    if isinstance(config, TinyPolicyConfig):
        torch.set_num_threads(1)  # on so small a model a second thread only waits for the first
    clock = Clock()
    pool = Pool.read(snapshot)
    pairs = pool.pairs("train", limit=config.max_train_pairs, seed=config.seed)
    # Before the work: a snapshot without a pair to test on is refused here.
    tested = held_out_pairs(pool, config)
    with clock.stage("base"):
        base, origin = _base(pool, config, progress)
    dialogue = Dialogue(base.tokenizer, config.max_length, config.system_prompt)
    model = add_adapter(base, config)
    with clock.stage("reference"):
        examples = _examples(model, pairs, dialogue, config, progress)
    # Now: evaluation tokenises with the same dialogue and counts on.
    cuts = asdict(dialogue.cuts)
    with clock.stage("train"):
        fitted = fit_adapter(model, examples, base.tokenizer.pad_token_id, config, progress)
    model.eval()
    policy = Policy(model, dialogue, {})
    metrics, samples = _measured(policy, config, tested, clock, progress)
    return write_artifact(
        out,
        kind="policy",
        card_fields={
            "snapshot_digest": snapshot.digest,
            "config": as_json(config),
            "seed": config.seed,
            "metrics": {**metrics, "initial_margin_rms": fitted.initial_margin_rms},
            "training": _training(fitted, pairs, cuts),
            "speed": clock.speed(fitted.pairs),
            "reward_model": _reward_model(config, snapshot),
            **origin,
        },
        write_files=lambda folder: _write(folder, model, base, config, samples),
    )


@dataclass(slots=True)
class Clock:
    """Seconds of the stages of a run."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time within as that of a stage."""
        started = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - started

    def speed(self, pairs: int) -> dict[str, Any]:
        """Return the seconds of each stage, and how many pairs a second were trained on."""
        return {
            "pairs_per_second": round(pairs / self.seconds["train"], 3),
            "seconds": {name: round(value, 1) for name, value in self.seconds.items()},
            "threads": torch.get_num_threads(),
        }


def _base(
    pool: Pool, config: PolicyConfig, progress: Progress
) -> tuple[Base, dict[str, dict[str, str]]]:
    """Return the base, and what the card says of one that lies elsewhere: name and weights."""
    device = pick_device(config.device)
    if isinstance(config, TinyPolicyConfig):
        # Two answers a pair.
        most = 2 * config.max_train_pairs if config.max_train_pairs is not None else None
        answers = pool.training_answers(limit=most, seed=config.seed)
        base, origin = build_tiny(answers, config, device, progress), {}
    else:
        progress.report("base", 0, 1)
        folder = find_checkpoint(config.model_name_or_path)
        if isinstance(config, SmolLM2PolicyConfig):
            check_room(folder, disk=0, memory=TRAINING_MEMORY, what="tuning SmolLM2 135M")
        base = load_base(folder, device, pick_dtype(device))
        named = {"name": config.model_name_or_path, "weights": weights_digest(folder)}
        origin = {"base": named}
    progress.report("base", 1, 1)
    return base, origin


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
    progress.report("reference", 0, len(tokens))
    with model.disable_adapter():
        found = all_pair_log_probs(
            model,
            tokens,
            dialogue.tokenizer.pad_token_id,
            config.optim.per_device_train_batch_size,
            lambda done, total: progress.report("reference", done, total),
        )
    return [
        Example(pair=pair, reference=(chosen, rejected))
        for pair, (chosen, rejected) in zip(tokens, found.T.tolist(), strict=True)
    ]


def _measured(
    policy: Policy,
    config: PolicyConfig,
    tested: Sequence[Pair],
    clock: Clock,
    progress: Progress,
) -> tuple[dict[str, Any], SampleReport]:
    progress.report("evaluate", 0, 1)
    with clock.stage("evaluate"):
        found = implicit_rewards(
            policy, config, tested, lambda done, total: progress.report("evaluate", done, total)
        )
    with clock.stage("sample"):
        samples = sample_report(
            policy,
            config,
            prompts_of(tested),
            open_scorer(config),
            lambda done, total: progress.report("sample", done, total),
        )
    return {**samples.metrics, **held_out_metrics(found, tested)}, samples


def _training(fitted: FitResult, pairs: Sequence[Pair], cuts: dict[str, int]) -> dict[str, Any]:
    return {
        "steps": fitted.training.steps,
        "loss": fitted.training.loss,
        "per_device_train_batch_size": fitted.training.size,
        "pairs": len(pairs),
        "cut": cuts,
    }


def _reward_model(config: PolicyConfig, snapshot: Snapshot) -> dict[str, Any] | None:
    """Return which reward model scored the answers; it was never a loss of the policy.

    One of the same snapshot has learnt from the same judgments, though never of a test prompt.
    """
    if config.reward_model is None:
        return None
    card = open_artifact(Path(config.reward_model)).card
    return {
        "digest": card["digest"],
        "snapshot_digest": card.get("snapshot_digest"),
        "same_snapshot": card.get("snapshot_digest") == snapshot.digest,
    }


def _write(
    folder: Path, model: Any, base: Base, config: PolicyConfig, samples: SampleReport
) -> None:
    save_policy(model, base.tokenizer, config, folder)
    (folder / SAMPLES).write_text(json_text(samples.rows) + "\n", encoding="utf-8")
