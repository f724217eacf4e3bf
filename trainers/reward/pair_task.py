"""Pairs of sequences as a task of the training loop."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers.arrays import Ints
from trainers.data.comparisons import Comparisons
from trainers.objectives.pairwise import Objective, Targets
from trainers.objectives.temperatures import TemperatureLog
from trainers.reward.config import TransformerConfig
from trainers.reward.forward import Backbone
from trainers.reward.reading import Tokens
from trainers.reward.transformer import Transformer, score_tokens
from trainers.statistics.measures import fit_temperature, mean, row_log_loss
from trainers.tuning.batches import epoch_order, split_to_fit
from trainers.tuning.processes import Processes
from trainers.tuning.step import StepResult


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDataset:
    """Distinct sequences, the pairs between them, and what is known of the pairs.

    first, second  [n] numbers of sequences
    """

    sequences: Sequence[Tokens]
    first: Ints
    second: Ints
    targets: Targets


@dataclass(slots=True, kw_only=True)
class PairTask:
    """The loss of pairs of sequences, whose distinct answers are read once a part.

    A size counts tokens of distinct answers. Measured of each pair are its gap and its temperature.
    """

    backbone: Backbone
    dataset: PairDataset
    objective: Objective
    measures: int = 2
    lengths: Ints = field(init=False)

    def __post_init__(self) -> None:
        self.lengths = np.array([len(tokens) for tokens in self.dataset.sequences], np.int64)

    @property
    def model(self) -> Any:
        return self.backbone.model

    @property
    def smallest(self) -> int:
        """Return the tokens of the shortest answer: no part is smaller."""
        return int(self.lengths.min())

    def split(self, rows: Ints, size: int) -> Iterator[slice]:
        """Yield slices of pairs rows[n] whose distinct answers have at most `size` tokens."""
        ends = self.dataset.first[rows], self.dataset.second[rows]
        yield from split_to_fit(*ends, self.lengths, size)

    def weight(self, rows: Ints) -> Tensor:
        """Return the summed weight [] of pairs rows[n]."""
        weight = self.dataset.targets.weight[torch.from_numpy(rows)].sum()
        return weight.to(self.backbone.device)

    def part_loss(self, rows: Ints, whole: Tensor) -> tuple[Tensor, Tensor]:
        """Return the share [] of pairs rows[n] in the mean loss, and their gaps and temperatures.

        Both sides of a pair go through the model together: the gap of two rewards that were
        computed apart would carry the noise of two different dropouts and two roundings.
        """
        first, second = self.dataset.first[rows], self.dataset.second[rows]  # [n] each
        ends, where = np.unique(np.concatenate([first, second]), return_inverse=True)
        rewards = self.backbone.rewards([self.dataset.sequences[end] for end in ends])  # [ends]
        # [ends] to [2n]: the first sides, then the second ones.
        sides = rewards[torch.from_numpy(where).to(rewards.device)]
        gaps = sides[: len(rows)] - sides[len(rows) :]
        targets = self.dataset.targets[torch.from_numpy(rows)].to(rewards.device)
        found = self.objective(gaps, targets)
        # The objective's mean is over this part; weigh it so that parts add up to the batch's.
        loss = found.loss * (targets.weight.sum() / whole)
        return loss, torch.stack([gaps.detach(), found.tau.float()])  # [2, n]


@dataclass(slots=True, kw_only=True)
class PairCourse:
    """The epochs over the training pairs, in the order that a seed decides.

    rows      [n] numbers of the training pairs
    prompts   [n] numbers of their prompts
    ids       of all pairs of the dataset, to name them in an error
    validate  returns the validation log-loss in nats
    """

    task: PairTask
    rows: Ints
    prompts: Ints
    ids: Sequence[str]
    config: TransformerConfig
    validate: Callable[[], float]
    temperatures: TemperatureLog = field(init=False)

    def __post_init__(self) -> None:
        # Under the plain loss it counts nothing.
        self.temperatures = TemperatureLog(self.task.objective.scaling)

    @property
    def examples(self) -> int:
        """Return how many pairs the dataset has, the validation pairs among them."""
        return len(self.ids)

    @property
    def steps_per_epoch(self) -> int:
        """Return the batches of an epoch; the last one may be smaller."""
        return ceil(len(self.rows) / self.config.optim.train_batch_size)

    @property
    def steps(self) -> int:
        """Return the steps of the whole run."""
        return self.config.optim.num_train_epochs * self.steps_per_epoch

    def batches(self, epoch: int) -> Iterator[Ints]:
        """Yield the pairs of every batch; those that share answers stand together."""
        ends = self.task.dataset.first[self.rows], self.task.dataset.second[self.rows]
        config, size = self.config, self.config.optim.train_batch_size
        # Seed and epoch decide alone, so that a resumed run needs no earlier epoch.
        order = epoch_order(*ends, self.prompts, config.pairs_per_group, [config.seed, epoch])
        for start in range(0, len(order), size):
            yield self.rows[order[start : start + size]]

    def names(self, rows: Ints) -> list[str]:
        """Return the ids of pairs."""
        return [self.ids[row] for row in rows]

    def metrics(self, found: StepResult) -> dict[str, Any]:
        """Return how the temperatures of this epoch spread so far."""
        self.temperatures.add(found.measured[1])  # row 0 are the gaps
        return self.temperatures.progress()

    def end_epoch(self) -> float:
        """Return the validation log-loss; the next epoch's temperatures are counted anew."""
        self.temperatures = TemperatureLog(self.task.objective.scaling)
        return self.validate()


def validation_log_loss(
    transformer: Transformer,
    dataset: PairDataset,
    known: Comparisons,
    rows: Ints,
    processes: Processes,
) -> float:
    """Return the log-loss in nats of the soft labels of pairs rows[n], under the best temperature.

    The best one, because the two losses that are compared by it give gaps of different scales.
    """
    ends, where = np.unique(
        np.concatenate([dataset.first[rows], dataset.second[rows]]), return_inverse=True
    )
    # [ends], then [n].
    scores = score_tokens(transformer, [dataset.sequences[end] for end in ends], processes)
    gaps = scores[where[: len(rows)]] - scores[where[len(rows) :]]
    temperature = fit_temperature(gaps, known.label[rows], known.weight[rows])
    return mean(row_log_loss(gaps / temperature, known.label[rows]), known.weight[rows])


def distinct(sequences: Sequence[Tokens]) -> tuple[list[int], Ints]:
    """Return the rows of the distinct sequences, and the place of every sequence among them."""
    known: dict[bytes, int] = {}
    rows: list[int] = []
    place = np.empty(len(sequences), np.int64)
    for row, tokens in enumerate(sequences):
        # Bytes of the tokens: texts that a cut made equal are one sequence.
        key = tokens.ids.tobytes() + (b"" if tokens.types is None else tokens.types.tobytes())
        place[row] = known.setdefault(key, len(rows))
        if place[row] == len(rows):
            rows.append(row)
    return rows, place
