"""The platform's model: what is known of a prompt times what is known of a language model.

After Zhuang et al., "EmbedLLM", ICLR 2025, arXiv 2410.02223, with features of the question in place
of its vector, and vectors of models that share strength within a family.
"""

import torch
from torch import Tensor, nn

from trainers.model_vectors.families import KINSHIP

SPREAD = 1.0  # of models' intercepts, in logits: their prior standard deviation


class Bilinear(nn.Module):
    """s(m, x) = intercept_m + (W x) . p_m, with x [r] a question's features and p_m [k].

    p_m = mean + family + sqrt(KINSHIP) own, and so is the intercept: a model with little evidence
    stays near the average one, a version with little near its siblings. A model without siblings
    has no `own`.
    """

    siblings: Tensor
    family: Tensor

    def __init__(self, inputs: int, family: Tensor, dimension: int) -> None:
        """Initialise for r = `inputs` features; family [M]: the number of every model's family."""
        super().__init__()
        counts = torch.bincount(family)
        self.register_buffer("family", family)
        # The factor, not the prior, carries KINSHIP: with `own` scaled down, one weight decay
        # shrinks deviations from the family five times as hard as those from the mean.
        self.register_buffer("siblings", (counts[family] > 1).float() * KINSHIP**0.5)
        # Entries of this size make a vector's length independent of k.
        size = dimension**-0.5
        self.projection = nn.Linear(inputs, dimension, bias=False)
        # Not zero: with both factors of the product at zero neither would ever get a gradient.
        self.mean = nn.Parameter(torch.full((dimension,), 0.2))
        self.shared = nn.Parameter(torch.randn(len(counts), dimension) * 0.3 * size)
        # Zero does no harm here: the gradient comes through the projection, which is not zero.
        self.own = nn.Parameter(torch.zeros(len(family), dimension))
        self.intercept = nn.Parameter(torch.zeros(()))
        self.shared_intercept = nn.Parameter(torch.zeros(len(counts)))
        self.own_intercept = nn.Parameter(torch.zeros(len(family)))

    def vectors(self) -> Tensor:
        """Return p_m, [M, k]."""
        # [k] + [M, k] + [M, 1] * [M, k]
        return self.mean + self.shared[self.family] + self.siblings[:, None] * self.own

    def intercepts(self) -> Tensor:
        """Return how good each model is on the whole, in logits, [M]."""
        shared = self.intercept + self.shared_intercept[self.family]
        return shared + self.siblings * self.own_intercept

    def forward(self, features: Tensor) -> Tensor:
        """Return logits [n, M] of features [n, r]."""
        logits: Tensor = self.projection(features) @ self.vectors().T + self.intercepts()
        return logits

    def negative_log_prior(self) -> Tensor:
        """Return minus the log-prior of the intercepts, up to a constant: a scalar in nats."""
        # `own` is in units of its own deviation: sqrt(KINSHIP) is the factor `siblings`.
        squares = self.shared_intercept.square().sum() + self.own_intercept.square().sum()
        return 0.5 * squares / SPREAD**2
