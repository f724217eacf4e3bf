"""The platform's model: what is known of a prompt times what is known of a language model.

After Zhuang et al., "EmbedLLM", ICLR 2025, arXiv 2410.02223, with features of the question in place
of its vector, and vectors of models that share strength within a family.
"""

import torch
from torch import Tensor, nn

from trainers.model_vectors.families import KINSHIP

SPREAD = 1.0  # of models' levels, in logits: their prior standard deviation


class Bilinear(nn.Module):
    """s(m, x) = level_m + (W x) . p_m, with x (r,) a question's features and p_m in R^k.

    p_m = mean + family + sqrt(KINSHIP) own, and so is the level: a model with little evidence
    stays near the average one, a version with little near its siblings. A model without siblings
    has no `own`.
    """

    siblings: Tensor
    family: Tensor

    def __init__(self, inputs: int, family: Tensor, dimension: int) -> None:
        """`family` (M,): the number of every model's family."""
        super().__init__()
        counts = torch.bincount(family)
        self.register_buffer("family", family)
        self.register_buffer("siblings", (counts[family] > 1).float() * KINSHIP**0.5)
        size = dimension**-0.5
        self.projection = nn.Linear(inputs, dimension, bias=False)
        self.mean = nn.Parameter(torch.full((dimension,), 0.2))
        self.shared = nn.Parameter(torch.randn(len(counts), dimension) * 0.3 * size)
        self.own = nn.Parameter(torch.zeros(len(family), dimension))
        self.level = nn.Parameter(torch.zeros(()))
        self.shared_level = nn.Parameter(torch.zeros(len(counts)))
        self.own_level = nn.Parameter(torch.zeros(len(family)))

    def vectors(self) -> Tensor:
        """p_m, (M, k)."""
        return self.mean + self.shared[self.family] + self.siblings[:, None] * self.own

    def levels(self) -> Tensor:
        """How good each model is on the whole, in logits, (M,)."""
        return self.level + self.shared_level[self.family] + self.siblings * self.own_level

    def forward(self, features: Tensor) -> Tensor:
        """Logits (n, M) of features (n, r)."""
        logits: Tensor = self.projection(features) @ self.vectors().T + self.levels()
        return logits

    def surprise(self) -> Tensor:
        """Minus the log-prior of the levels, up to a constant: a scalar in nats."""
        squares = self.shared_level.square().sum() + self.own_level.square().sum()
        return 0.5 * squares / SPREAD**2
