"""The evidence on the training device, grouped so that a batch of prompts brings all its rows."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from trainers.arrays import Floats32, Ints
from trainers.embedding.bilinear import Bilinear
from trainers.model_vectors.evidence import Evidence
from trainers.objectives.losses import bradley_terry_loss

ComparisonLoss = Callable[[Tensor, Tensor], Tensor]


class RowsByPrompt:
    """Rows grouped by prompt, so that those of a batch of prompts are found without a search."""

    def __init__(self, prompt: Ints, prompts: int, columns: list[Tensor]) -> None:
        """Group columns [n] by prompt [n], of which there are `prompts`."""
        # Stable, so that rows of one prompt keep the order of the snapshot and sums over them
        # come out the same to the last bit.
        order = np.argsort(prompt, kind="stable")
        counts = np.bincount(prompt, minlength=prompts)
        self.counts = torch.from_numpy(counts).to(columns[0].device)
        # [prompts]: where each prompt's rows begin, once they lie together.
        self.starts = torch.from_numpy(np.cumsum(counts) - counts).to(columns[0].device)
        self.columns = [column[torch.from_numpy(order).to(column.device)] for column in columns]

    def of(self, prompts: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return each row's index into `prompts` [B], and the rows' columns, [rows] each."""
        counts = self.counts[prompts]
        index = torch.repeat_interleave(torch.arange(len(prompts), device=prompts.device), counts)
        # A row's number within its prompt: its position less the rows of the prompts before.
        within = torch.arange(len(index), device=index.device) - (counts.cumsum(0) - counts)[index]
        rows = self.starts[prompts][index] + within
        return index, [column[rows] for column in self.columns]


class EvidenceTensors:
    """Questions' features, outcomes and comparisons on the training device."""

    def __init__(
        self,
        evidence: Evidence,
        features: Floats32,
        comparison_loss: ComparisonLoss,
        device: torch.device,
    ) -> None:
        """Copy the evidence and the prompts' features [P, r] to a device."""

        def tensor(array: NDArray[np.generic]) -> Tensor:
            kind = torch.float32 if array.dtype.kind == "f" else torch.int64
            return torch.from_numpy(array).to(device, kind)

        outcomes, comparisons = evidence.outcomes, evidence.comparisons
        count = len(evidence.prompts)
        self.features = tensor(features)
        self.comparison_loss = comparison_loss
        # An outcome weighs one judgment; a comparison as much as its raters on average.
        self.weight = float(len(outcomes.score) + comparisons.weight.sum())
        single = [tensor(outcomes.model), tensor(outcomes.score)]
        self.outcomes = RowsByPrompt(outcomes.prompt, count, single)
        sides = [tensor(comparisons.first), tensor(comparisons.second)]
        said = [tensor(comparisons.label), tensor(comparisons.weight)]
        self.comparisons = RowsByPrompt(comparisons.prompt, count, [*sides, *said])

    def rows(
        self, model: Bilinear, prompts: Tensor, comparison_loss: ComparisonLoss
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return index into `prompts` [B], loss in nats and weight of all rows, [rows] each.

        An outcome is a soft label of sigma(s_m), a comparison of sigma(s_a - s_b).
        """
        logits = model(self.features[prompts])  # [B, M]
        at, (ran, score) = self.outcomes.of(prompts)
        outcome = binary_cross_entropy_with_logits(logits[at, ran], score, reduction="none")
        beside, (first, second, label, weight) = self.comparisons.of(prompts)
        gap = logits[beside, first] - logits[beside, second]  # s_a - s_b, [rows]
        losses = torch.cat([outcome, comparison_loss(gap, label)])
        return torch.cat([at, beside]), losses, torch.cat([torch.ones_like(score), weight])

    def loss(self, model: Bilinear, prompts: Tensor) -> Tensor:
        """Return the weighted mean loss of the rows on `prompts` [B], in nats, with the prior.

        The prior is one for all rows, so that a row's share of it is 1 / (weight of all).
        """
        _, losses, weights = self.rows(model, prompts, self.comparison_loss)
        return (losses @ weights) / weights.sum() + model.negative_log_prior() / self.weight

    def loss_by_prompt(self, model: Bilinear, prompts: Tensor) -> Tensor:
        """Return the mean over prompts [B] of each one's own weighted mean log-loss, in nats.

        A prompt that was judged a thousand times says no more about other prompts than one that
        was judged ten times: for what generalises, each prompt is one observation. The log-loss is
        the measure whatever the loss of training: it is proper, and one scale for every run.
        """
        index, losses, weights = self.rows(model, prompts, bradley_terry_loss)
        sums = losses.new_zeros(2, len(prompts))  # [2, B]: weighted loss, weight
        sums[0].index_add_(0, index, losses * weights)
        sums[1].index_add_(0, index, weights)
        seen = sums[1] > 0
        return (sums[0, seen] / sums[1, seen]).mean()
