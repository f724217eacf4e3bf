"""Lora and full mode: tune a transformer, and its Bradley–Terry twin."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from trainers.artifacts import code_version, digest_of
from trainers.encoding.encoder import checkpoint_digest, encoder_folder
from trainers.progress import Progress
from trainers.reward.backbone.load import TWIN, BackboneJudge, score_tokens
from trainers.reward.backbone.model import Tuned, new_model, save_model
from trainers.reward.backbone.reading import Tokens
from trainers.reward.config import TransformerConfig
from trainers.reward.control import objective_and_targets
from trainers.reward.data import Pairs
from trainers.reward.modes import Trained
from trainers.reward.temperatures import TemperatureLog
from trainers.settings.config import as_json
from trainers.statistics.measures import fit_temperature, mean, row_log_loss
from trainers.tuning.batches import Rows
from trainers.tuning.checkpoints import Checkpoints
from trainers.tuning.loop import Fitted, Work, tune
from trainers.tuning.processes import Processes
from trainers.tuning.step import Corpus, Gradients

UNRELATED = ("device", "checkpoint_seconds")  # settings that do not decide the numbers


def fit(pairs: Pairs, config: TransformerConfig, progress: Progress, checkpoints: Path) -> Trained:
    """Train the model and, where asked for, the same one under the plain loss.

    Under loss "auto" the one whose last validation log-loss is lower is the model.
    """
    both = config.train_baseline and config.loss.type != "bradley_terry"
    progress.plan({"read": 1, "train": 20, **({"train twin": 20} if both else {}), "evaluate": 3})
    processes = Processes.join(config.device)
    run = _Run(pairs, config, progress, checkpoints, processes)
    known = _with_loss(config, "adaptive") if config.loss.type == "auto" else config
    chosen, fitted = run.tuned("train", known)
    twin: Tuned | None = None
    if both:
        plain = _with_loss(config, "bradley_terry")
        twin, found = run.tuned("train twin", plain)
        if config.loss.type == "auto" and found.last_log_loss < fitted.last_log_loss:
            chosen, fitted, known = twin, found, plain
    training = {**_summary(fitted, known), **run.counts(chosen)}
    judge = BackboneJudge(chosen, processes)
    same = judge if twin is chosen else None

    def write(folder: Path) -> None:
        save_model(chosen, config, folder)
        if twin is not None:
            save_model(twin, config, folder / TWIN)

    return Trained(
        judge=judge,
        twin=same or (BackboneJudge(twin, processes) if twin is not None else None),
        write=write,
        training=training,
        card={"backbone": {"name": config.model_name_or_path, "fingerprint": _fingerprint(config)}},
    )


class _Run:
    """What the model and its twin share: pairs as tokens, where their state is kept."""

    def __init__(
        self,
        pairs: Pairs,
        config: TransformerConfig,
        progress: Progress,
        checkpoints: Path,
        processes: Processes,
    ) -> None:
        self._pairs, self._progress, self._folder = pairs, progress, checkpoints
        self._processes = processes
        self._objective, self._targets = objective_and_targets(pairs, config)
        self._sequences: list[Tokens] = []

    def tuned(self, phase: str, config: TransformerConfig) -> tuple[Tuned, Fitted]:
        """A model, trained."""
        made = new_model(config, self._processes.device)
        corpus = self._corpus(made)
        objective = self._objective
        if config.loss.type == "bradley_terry":
            objective = replace(objective, scaling=None)
        gradients = Gradients(
            made.backbone, corpus, objective, self._processes, config.max_tokens_per_microbatch
        )
        rows = self._pairs.holdout.train
        known = self._pairs.comparisons
        _, prompts = np.unique(known.prompt_id[rows].astype(str), return_inverse=True)
        work = Work(rows, prompts, known.comparison_id[rows].tolist())
        kept = Checkpoints(
            self._folder / config.loss.type,
            self._identity(corpus, config),
            config.checkpoint_seconds,
        )

        def report(step: int, steps: int, metrics: dict[str, float]) -> None:
            if self._processes.leads:
                self._progress.report(phase, step, steps, **metrics)

        validate = partial(self._validation_log_loss, made, corpus)
        return made, tune(gradients, work, config, kept, validate, report)

    def counts(self, made: Tuned) -> dict[str, Any]:
        """What the data were like: what was cut, and how much would have been read twice."""
        train = self._pairs.holdout.train
        ends = np.concatenate([self._pairs.first[train], self._pairs.second[train]])
        return {
            **made.reader.counts(),
            "max_length": made.reader.max_length,
            "answers": len(self._pairs.answers),
            "answers_in_pairs": len(ends),
            "tokens": int(sum(len(tokens) for tokens in self._sequences)),
        }

    def _corpus(self, made: Tuned) -> Corpus:
        """Every answer as tokens; equal sequences are one."""
        if not self._sequences:
            self._progress.report("read", 0, 1)
            self._sequences = made.reader.read(self._pairs.answers)
            self._progress.report("read", 1, 1)
        rows, place = distinct(self._sequences)
        first, second = place[self._pairs.first], place[self._pairs.second]
        return Corpus([self._sequences[row] for row in rows], first, second, self._targets)

    def _validation_log_loss(self, made: Tuned, corpus: Corpus) -> float:
        """Of the soft labels under the best temperature, in nats."""
        rows, known = self._pairs.holdout.validation, self._pairs.comparisons
        ends, where = np.unique(
            np.concatenate([corpus.first[rows], corpus.second[rows]]), return_inverse=True
        )
        scores = score_tokens(made, [corpus.sequences[end] for end in ends], self._processes)
        gaps = scores[where[: len(rows)]] - scores[where[len(rows) :]]
        temperature = fit_temperature(gaps, known.label[rows], known.weight[rows])
        return mean(row_log_loss(gaps / temperature, known.label[rows]), known.weight[rows])

    def _identity(self, corpus: Corpus, config: TransformerConfig) -> dict[str, Any]:
        """What two runs must share to have the same trajectory."""
        settings = {key: v for key, v in as_json(config).items() if key not in UNRELATED}
        return {
            "data": _data_digest(corpus),
            "settings": digest_of(settings),
            "backbone": _fingerprint(config),
            "code": code_version(),
            "number of processes": self._processes.count,
        }


def distinct(sequences: Sequence[Tokens]) -> tuple[list[int], Rows]:
    """Rows of the distinct sequences, and the place of every sequence among them."""
    known: dict[bytes, int] = {}
    rows: list[int] = []
    place = np.empty(len(sequences), np.int64)
    for row, tokens in enumerate(sequences):
        key = tokens.ids.tobytes() + (b"" if tokens.types is None else tokens.types.tobytes())
        place[row] = known.setdefault(key, len(rows))
        if place[row] == len(rows):
            rows.append(row)
    return rows, place


def _data_digest(corpus: Corpus) -> str:
    digest = hashlib.sha256()
    for tokens in corpus.sequences:
        digest.update(tokens.ids.tobytes() + b"|")
    for values in (corpus.first, corpus.second):
        digest.update(values.tobytes())
    known = corpus.targets
    for part in (known.label, known.tie, known.weight, known.margin, known.control):
        digest.update(part.numpy().tobytes())
    return digest.hexdigest()


def _with_loss(
    config: TransformerConfig, loss: Literal["adaptive", "bradley_terry"]
) -> TransformerConfig:
    return replace(config, loss=replace(config.loss, type=loss))


def _fingerprint(config: TransformerConfig) -> str:
    return checkpoint_digest(encoder_folder(config.model_name_or_path))


def _summary(fitted: Fitted, config: TransformerConfig) -> dict[str, Any]:
    """What training found: its length, and how the pairs' temperatures spread in the end."""
    temperatures = TemperatureLog(config)
    temperatures.add(fitted.tau)
    return {
        "chosen_loss": config.loss.type,
        "steps": fitted.steps,
        "loss": fitted.loss,
        "validation_log_loss": fitted.validation_log_loss,
        "step_tokens": fitted.step_tokens,
        **temperatures.card(),
    }
