"""What a snapshot says of models on prompts: outcomes, and duels from comparisons."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.comparisons import read_comparisons, read_prompts
from trainers.encoder import Encoder
from trainers.errors import InputError
from trainers.holdout import Holdout, hold_out
from trainers.snapshot import Snapshot

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """`score` in [0, 1] of `model` on `prompt` (numbers); n rows. What was not run is not here."""

    prompt: Ints
    model: Ints
    score: Floats

    def on(self, prompts: Ints) -> "Outcomes":
        """The rows on some prompts."""
        rows = np.isin(self.prompt, prompts)
        return Outcomes(self.prompt[rows], self.model[rows], self.score[rows])


@dataclass(frozen=True, slots=True)
class Duels:
    """`label`: probability that `first` is preferred to `second` on `prompt`; n rows."""

    prompt: Ints
    first: Ints
    second: Ints
    label: Floats
    weight: Floats

    def on(self, prompts: Ints) -> "Duels":
        """The rows on some prompts."""
        rows = np.isin(self.prompt, prompts)
        ends = self.first[rows], self.second[rows]
        return Duels(self.prompt[rows], *ends, self.label[rows], self.weight[rows])


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything observed, with prompts and models numbered; `holdout` divides the prompts."""

    prompts: list[str]
    texts: list[str]
    models: list[str]
    outcomes: Outcomes
    duels: Duels
    holdout: Holdout

    def vectors(
        self, encoder: Encoder, report: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        """Unit vectors of the prompts, (P, d).

        A prompt without text, of imported votes, gets the mean vector of the training prompts: its
        duels then inform how good a model is on the whole.
        """
        vectors = encoder.encode(self.texts, report)
        told = np.array([bool(text) for text in self.texts])
        known = self.holdout.train[told[self.holdout.train]]
        vectors[~told] = vectors[known].mean(0) if len(known) else 0.0
        return vectors


def read_evidence(snapshot: Snapshot) -> Evidence:
    """The outcomes and the comparisons of known models; prompts without either are left out."""
    found = read_prompts(snapshot)
    table = snapshot.table("outcomes").to_pydict()
    _check_scores(snapshot, table["score"])
    ran = [row for row, score in enumerate(table["score"]) if score is not None]
    pairs = read_comparisons(snapshot)
    ends = zip(pairs.model_a, pairs.model_b, strict=True)
    named = [a is not None and b is not None and a != b for a, b in ends]
    pairs = pairs.where(np.array(named, bool))

    outcome_prompts = [table["prompt_id"][row] for row in ran]
    outcome_models = [table["model"][row] for row in ran]
    prompts = sorted({*outcome_prompts, *pairs.prompt_id})
    models = sorted({*outcome_models, *pairs.model_a, *pairs.model_b})
    if len(models) < 2:
        raise InputError(f"{snapshot.path}: an embedding needs evidence of at least two models")
    number, known = _numbering(prompts), _numbering(models)
    return Evidence(
        prompts=prompts,
        texts=[found.text[prompt] for prompt in prompts],
        models=models,
        outcomes=Outcomes(
            number(outcome_prompts),
            known(outcome_models),
            np.array([table["score"][row] for row in ran], np.float64),
        ),
        duels=Duels(
            number(pairs.prompt_id),
            known(pairs.model_a),
            known(pairs.model_b),
            pairs.label,
            pairs.weight,
        ),
        holdout=hold_out(prompts, found.split, "outcome or comparison of known models"),
    )


def _check_scores(snapshot: Snapshot, scores: list[float | None]) -> None:
    for row, score in enumerate(scores, start=1):
        if score is not None and not 0.0 <= score <= 1.0:
            path = snapshot.path / "outcomes.parquet"
            raise InputError.at(path, f"{score} is not in [0, 1]", row=row, column="score")


def _numbering(names: list[str]) -> Callable[[Iterable[str]], Ints]:
    numbers = {name: number for number, name in enumerate(names)}
    return lambda chosen: np.array([numbers[name] for name in chosen], np.int64)
