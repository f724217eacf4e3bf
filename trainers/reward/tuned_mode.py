"""Lora and full mode: tune a transformer, and its Bradley–Terry baseline.

By hand, a full artifact is `AutoModelForSequenceClassification.from_pretrained(path)`; an adapter
is `PeftModel.from_pretrained(base, path)` on a base of that class with `num_labels=1`, whose
`config.pad_token_id` is the tokenizer's. The one logit is the score.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from peft import PeftModel

from trainers.arrays import Floats
from trainers.artifacts import Artifact, code_version, digest_of
from trainers.encoding.encoder import checkpoint_digest, encoder_folder
from trainers.objectives.temperatures import TemperatureLog
from trainers.progress import Progress
from trainers.reward.config import REWARD, FullRewardConfig, TransformerConfig
from trainers.reward.control import objective_and_targets
from trainers.reward.data import Pairs
from trainers.reward.forward import Backbone
from trainers.reward.model import Answer, RewardModel
from trainers.reward.modes import Trained
from trainers.reward.pair_task import (
    PairCourse,
    PairDataset,
    PairTask,
    distinct,
    validation_log_loss,
)
from trainers.reward.reading import Tokens
from trainers.reward.transformer import (
    Transformer,
    load_checkpoint,
    new_model,
    save_model,
    scale_head,
    score_tokens,
)
from trainers.settings.config import as_json
from trainers.tuning.checkpoints import Checkpoints
from trainers.tuning.devices import pick_device
from trainers.tuning.loop import TrainingResult, adamw, tune
from trainers.tuning.processes import Processes
from trainers.tuning.step import Gradients

BASELINE = "bradley_terry"  # the folder of an artifact that holds the baseline
UNRELATED = ("device", "checkpoint_seconds")  # settings that do not decide the numbers


class TunedModel(RewardModel):
    """A tuned transformer; processes launched together share what is to be read."""

    def __init__(self, transformer: Transformer, processes: Processes) -> None:
        self._transformer = transformer
        self._processes = processes

    def outputs(self, answers: Sequence[Answer]) -> Floats:
        sequences = self._transformer.reader.read(answers)
        scores = score_tokens(self._transformer, sequences, self._processes)
        return scores[:, None, None]  # [n, 1, 1]: one member, one number

    def rescale(self, temperature: float) -> None:
        scale_head(self._transformer.model, 1.0 / temperature)


def load(artifact: Artifact) -> RewardModel:
    """Return the trained model of an artifact."""
    return _loaded(artifact, artifact.path)


def load_baseline(artifact: Artifact) -> RewardModel | None:
    """Return its Bradley–Terry baseline, where one was trained."""
    folder = artifact.path / BASELINE
    return _loaded(artifact, folder) if folder.is_dir() else None


def _loaded(artifact: Artifact, folder: Path) -> RewardModel:
    config = REWARD.stored(artifact.card["config"])
    assert isinstance(config, TransformerConfig)
    device = pick_device("auto")
    full = isinstance(config, FullRewardConfig)
    # A full artifact holds every weight; an adapter stands on a base from elsewhere.
    base = folder if full else encoder_folder(config.model_name_or_path)
    # Scores must not depend on the device they are computed on: float32 throughout.
    exact = (torch.float32, torch.float32)
    made = load_checkpoint(base, config, device, exact, tokenizer=folder)
    if not full:
        model = PeftModel.from_pretrained(made.model, folder).to(device).eval()
        made = Transformer(Backbone(model, made.backbone.pad, torch.float32), made.reader)
    return TunedModel(made, Processes(0, 1, device))


def fit(pairs: Pairs, config: TransformerConfig, progress: Progress, checkpoints: Path) -> Trained:
    """Train the model and, where asked for, the same one under the plain loss.

    Under loss "auto" the one whose last validation log-loss is lower is the model.
    """
    auto = config.loss.type == "auto"
    both = config.train_baseline and config.loss.type != "bradley_terry"
    phases = {"read": 1, "train": 20, **({"train baseline": 20} if both else {}), "evaluate": 3}
    progress.plan(phases)
    run = _Run(pairs, config, progress, checkpoints)
    known = _with_loss(config, "adaptive") if auto else config
    chosen, result = run.tuned("train", known)
    baseline: Transformer | None = None
    if both:
        plain = _with_loss(config, "bradley_terry")
        baseline, found = run.tuned("train baseline", plain)
        # By the last one: the weights that are kept are those after the last epoch.
        if auto and found.last_log_loss < result.last_log_loss:
            chosen, result, known = baseline, found, plain
    model = TunedModel(chosen, run.processes)
    other = TunedModel(baseline, run.processes) if baseline is not None else None

    def write(folder: Path) -> None:
        save_model(chosen, config, folder)
        if baseline is not None:
            save_model(baseline, config, folder / BASELINE)

    return Trained(
        model=model,
        baseline=model if baseline is chosen else other,
        write=write,
        training={**_summary(result, known, pairs), **run.counts(chosen)},
        card={"backbone": {"name": config.model_name_or_path, "fingerprint": _fingerprint(config)}},
    )


class _Run:
    """What the model and its baseline share: pairs as tokens, and where their state is kept."""

    def __init__(
        self, pairs: Pairs, config: TransformerConfig, progress: Progress, checkpoints: Path
    ) -> None:
        self.processes = Processes.join(config.device)
        self._pairs, self._progress, self._folder = pairs, progress, checkpoints
        self._objective, self._targets = objective_and_targets(pairs, config)
        self._sequences: list[Tokens] = []

    def tuned(self, phase: str, config: TransformerConfig) -> tuple[Transformer, TrainingResult]:
        """Return a model, trained."""
        made = new_model(config, self.processes.device)
        dataset = self._dataset(made)
        # Scaling alone is taken away: control, ties and margin stay as they are.
        plain = config.loss.type == "bradley_terry"
        objective = replace(self._objective, scaling=None) if plain else self._objective
        task = PairTask(backbone=made.backbone, dataset=dataset, objective=objective)
        gradients = Gradients(
            task=task, processes=self.processes, size=config.max_tokens_per_microbatch
        )
        known, split = self._pairs.comparisons, self._pairs.holdout
        # [train], from 0: the number of each training pair's prompt.
        _, prompts = np.unique(known.prompt_id[split.train].astype(str), return_inverse=True)
        course = PairCourse(
            task=task,
            rows=split.train,
            prompts=prompts,
            ids=known.comparison_id.tolist(),
            config=config,
            validate=partial(
                validation_log_loss, made, dataset, known, split.validation, self.processes
            ),
        )
        # A folder for each loss: the model and its baseline resume apart.
        folder, identity = self._folder / config.loss.type, self._identity(dataset, config)

        def report(step: int, steps: int, metrics: dict[str, float]) -> None:
            if self.processes.is_main_process:
                self._progress.report(phase, step, steps, **metrics)

        result = tune(
            gradients,
            course,
            adamw(made.model, config.optim, fused=True),
            config.optim,
            seed=config.seed,
            checkpoints=Checkpoints(folder, identity, config.checkpoint_seconds),
            report=report,
        )
        return made, result

    def counts(self, made: Transformer) -> dict[str, Any]:
        """Return what the data were like: what was cut, and how much would be read twice."""
        train = self._pairs.holdout.train
        ends = np.concatenate([self._pairs.first[train], self._pairs.second[train]])
        return {
            **made.reader.counts(),
            "max_length": made.reader.max_length,
            "answers": len(self._pairs.answers),
            "answers_in_pairs": len(ends),
            "tokens": int(sum(len(tokens) for tokens in self._sequences)),
        }

    def _dataset(self, made: Transformer) -> PairDataset:
        """Return every answer as tokens, equal sequences as one; read once for both models."""
        # Both models have one tokenizer, hence the same sequences.
        if not self._sequences:
            self._progress.report("read", 0, 1)
            self._sequences = made.reader.read(self._pairs.answers)
            self._progress.report("read", 1, 1)
        rows, place = distinct(self._sequences)
        return PairDataset(
            sequences=[self._sequences[row] for row in rows],
            first=place[self._pairs.first],  # rows of answers to rows of distinct sequences
            second=place[self._pairs.second],
            targets=self._targets,
        )

    def _identity(self, dataset: PairDataset, config: TransformerConfig) -> dict[str, Any]:
        """Return what two runs must share to have the same trajectory."""
        settings = {key: v for key, v in as_json(config).items() if key not in UNRELATED}
        return {
            "data": _data_digest(dataset),
            "settings": digest_of(settings),
            "backbone": _fingerprint(config),
            "code": code_version(),
            # Dropout's streams are numbered by process, and sums are taken in another order.
            "number of processes": self.processes.count,
        }


def _data_digest(dataset: PairDataset) -> str:
    digest = hashlib.sha256()
    for tokens in dataset.sequences:
        # With a mark between them: where a sequence ends counts too.
        digest.update(tokens.ids.tobytes() + b"|")
    for values in (dataset.first, dataset.second):
        digest.update(values.tobytes())
    known = dataset.targets
    for part in (known.label, known.tie, known.weight, known.margin, known.control):
        digest.update(part.numpy().tobytes())
    return digest.hexdigest()


def _with_loss(
    config: TransformerConfig, loss: Literal["adaptive", "bradley_terry"]
) -> TransformerConfig:
    return replace(config, loss=replace(config.loss, type=loss))


def _fingerprint(config: TransformerConfig) -> str:
    return checkpoint_digest(encoder_folder(config.model_name_or_path))


def _summary(result: TrainingResult, config: TransformerConfig, pairs: Pairs) -> dict[str, Any]:
    """Return what training found: its length, and how the temperatures spread in the end."""
    plain = config.loss.type == "bradley_terry"
    temperatures = TemperatureLog(None if plain else config.scaling)
    # Row 1 is the temperatures, of training pairs: validation pairs were never measured.
    temperatures.add(result.measured[1, torch.from_numpy(pairs.holdout.train)])
    return {
        "chosen_loss": config.loss.type,
        "steps": result.steps,
        "loss": result.loss,
        "validation_log_loss": result.validation_log_loss,
        "max_tokens_per_microbatch": result.size,
        **temperatures.card(),
    }
