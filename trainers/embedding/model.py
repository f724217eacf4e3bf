"""EmbedLLM's bilinear model of which language model does well on which question.

Source: Zhuang et al., "EmbedLLM", ICLR 2025, arXiv 2410.02223.
"""

import torch
from torch import Tensor, nn


class EmbedLLM(nn.Module):
    """s(m, q) = C (p_m * (W q + b)) + c0, with p_m in R^k free and q in R^d frozen.

    The paper's two-class head enters only through the difference of its logits, so C is one row
    and c0 one number. p_m is written as a shared mean plus a deviation that starts near zero and
    is decayed: a model with little evidence stays near the average one.
    """

    def __init__(self, models: int, questions: int, dimension: int, noise: float) -> None:
        super().__init__()
        self.noise = noise
        self.projection = nn.Linear(questions, dimension)
        self.mean = nn.Parameter(torch.randn(dimension) * dimension**-0.5)
        self.deviation = nn.Parameter(torch.randn(models, dimension) * 0.1 * dimension**-0.5)
        self.readout = nn.Parameter(torch.ones(dimension))
        self.offset = nn.Parameter(torch.zeros(()))

    def forward(self, questions: Tensor) -> Tensor:
        """Logits (n, M) of question vectors (n, d); noise on the questions while training."""
        if self.training and self.noise:
            questions = questions + self.noise * torch.randn_like(questions)
        features = self.projection(questions) * self.readout
        logits: Tensor = features @ (self.mean + self.deviation).T + self.offset
        return logits

    def tensors(self) -> dict[str, Tensor]:
        """The five tensors of the model, under the paper's names."""
        return {
            "models": (self.mean + self.deviation).detach(),
            "W": self.projection.weight.detach(),
            "b": self.projection.bias.detach(),
            "C": self.readout.detach(),
            "c0": self.offset.detach(),
        }
