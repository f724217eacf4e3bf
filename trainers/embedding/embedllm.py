"""EmbedLLM as published, for comparison: outcomes only, rows shuffled, noise while training only.

Source: Zhuang et al., "EmbedLLM", ICLR 2025, arXiv 2410.02223, and its repository, whose faults are
mended here: its noise also disturbs its test loss and its router, its loader never shuffles, and a
model's number there is its rank among the models of each split.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from trainers.arrays import Floats32
from trainers.embedding.result import Report, TrainingResult
from trainers.errors import InputError
from trainers.model_vectors.evidence import Evidence
from trainers.model_vectors.features import FeatureMap


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedLLMSettings:
    """The settings of the paper and its repository."""

    dimension: int = 232
    noise: float = 0.05
    learning_rate: float = 1e-4
    weight_decay: float = 1e-5
    batch: int = 2048
    epochs: int = 50
    seed: int = 42


PUBLISHED = EmbedLLMSettings()


class EmbedLLM(nn.Module):
    """l(m, q) = C (p_m * (W q + b)) + c in R^2 (equation 1 of the paper, of wrong and right).

    The logit of a right answer is the difference of its two entries.
    """

    def __init__(self, models: int, questions: int, settings: EmbedLLMSettings) -> None:
        super().__init__()
        self.noise = settings.noise
        self.vectors = nn.Embedding(models, settings.dimension)
        self.projection = nn.Linear(questions, settings.dimension)
        self.readout = nn.Linear(settings.dimension, 2)

    def forward(self, models: Tensor, questions: Tensor) -> Tensor:
        """Return logits [n] of models [n] on question vectors [n, d]."""
        if self.training:
            questions = questions + self.noise * torch.randn_like(questions)
        # [n, 2], of wrong and right
        both = self.readout(self.vectors(models) * self.projection(questions))
        # A softmax over two entries is the sigmoid of their difference.
        logits: Tensor = both[:, 1] - both[:, 0]
        return logits

    def result(self) -> TrainingResult:
        """Return it as z(q) . p_m + c0 with z = C (W q + b), C the readout's difference."""
        # In place, since nothing is trained after this; in float64, for products of weights.
        deep = self.double()
        with torch.no_grad():
            readout = (deep.readout.weight[1] - deep.readout.weight[0]).numpy()
            offset = float(deep.readout.bias[1] - deep.readout.bias[0])
            # C (p * z) sums C_k p_k z_k: C goes into the features, p stays the model's vector.
            weight = readout[:, None] * deep.projection.weight.numpy()
            bias = readout * deep.projection.bias.numpy()
            vectors = deep.vectors.weight.numpy()
        features = FeatureMap.linear(weight.shape[1]).then(weight, bias)
        return TrainingResult(features=features, vectors=vectors, offset=offset)


def fit_embedllm(
    evidence: Evidence,
    vectors: Floats32,
    report: Report,
    settings: EmbedLLMSettings = PUBLISHED,
) -> tuple[TrainingResult, int]:
    """Return the model after the last epoch and the number of epochs, as published.

    vectors: [P, d] of the prompts. Nothing is chosen, so the validation prompts train too. Raises
    InputError where no training prompt has an outcome.
    """
    outcomes = evidence.outcomes.on(evidence.holdout.train_and_validation)
    if not len(outcomes.score):
        raise InputError("method embedllm learns from outcomes, and no training prompt has any")
    # One generator for initialisation, order and noise: all three follow from the seed.
    torch.manual_seed(settings.seed)
    net = EmbedLLM(len(evidence.models), vectors.shape[1], settings)
    optimizer = torch.optim.Adam(
        net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    prompt, model = torch.from_numpy(outcomes.prompt), torch.from_numpy(outcomes.model)
    score, questions = torch.from_numpy(outcomes.score).float(), torch.from_numpy(vectors)
    for epoch in range(1, settings.epochs + 1):
        losses = []
        for rows in torch.split(torch.randperm(len(score)), settings.batch):
            optimizer.zero_grad()
            logits = net(model[rows], questions[prompt[rows]])
            loss = binary_cross_entropy_with_logits(logits, score[rows])
            torch.autograd.backward(loss)
            optimizer.step()
            losses.append(float(loss.detach()))
        report(epoch, settings.epochs, float(np.mean(losses)))
    return net.eval().result(), settings.epochs
