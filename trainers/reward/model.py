"""The reward model: standardised features of a prompt and a response to one number."""

from pathlib import Path
from typing import Self

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trainers.reward.features import Features

TENSORS = "reward.safetensors"
BRADLEY_TERRY_TENSORS = "bradley_terry.safetensors"


class RewardModel(nn.Module):
    """r(x, y) = head([q, v, q * v, z]): the vectors of prompt and response, and the surface.

    The product is what lets a linear head see how a response relates to its prompt: q itself
    cancels in the gap of two responses. sigma((r(x, a) - r(x, b)) / temperature) is the calibrated
    probability that a is preferred.
    """

    surface_mean: Tensor
    surface_scale: Tensor
    temperature: Tensor

    def __init__(self, dimension: int, surface: int, hidden: int, dropout: float = 0.0) -> None:
        """`hidden` = 0 is the linear head."""
        super().__init__()
        width = 3 * dimension + surface
        self.head = nn.Sequential(nn.Linear(width, max(1, hidden)))
        if hidden:
            self.head.extend([nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, 1)])
        # From reward 0 everywhere, what was not learned is not believed.
        for parameter in self.head[-1].parameters():
            nn.init.zeros_(parameter)
        self.register_buffer("surface_mean", torch.zeros(surface))
        self.register_buffer("surface_scale", torch.ones(surface))
        self.register_buffer("temperature", torch.ones(()))

    def standardise(self, surface: Tensor) -> None:
        """Take the centre and spread of the surface from training responses, (n, s)."""
        self.surface_mean.copy_(surface.mean(0))
        self.surface_scale.copy_(surface.std(0, correction=0).clamp(min=1e-3))

    def forward(self, prompt: Tensor, response: Tensor, surface: Tensor) -> Tensor:
        """Raw rewards (n,) of prompt and response vectors (n, d) and surface features (n, s)."""
        z = ((surface - self.surface_mean) / self.surface_scale).clamp(-5.0, 5.0)
        # Entries of a unit vector are small beside z, and stay so: few pairs can be fitted by heart
        # through many directions of meaning. The root brings the product to the same size.
        product = prompt * response * prompt.shape[1] ** 0.5
        rewards: Tensor = self.head(torch.cat([prompt, response, product, z], 1)).squeeze(1)
        return rewards

    @torch.inference_mode()
    def rewards(self, features: Features, rows: int = 4096) -> Tensor:
        """Raw rewards of many rows, (n,) float64 on the CPU, without dropout."""
        self.eval()
        device = self.temperature.device
        parts = [torch.zeros(0, dtype=torch.float64)]
        for start in range(0, len(features.surface), rows):
            columns = (features.prompt, features.response, features.surface)
            batch = [torch.from_numpy(c[start : start + rows]).to(device) for c in columns]
            parts.append(self(*batch).double().cpu())
        return torch.cat(parts)

    def save(self, path: Path) -> None:
        """Write every weight and buffer."""
        save_file({name: value.contiguous() for name, value in self.state_dict().items()}, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Rebuild the model from the shapes of its tensors."""
        tensors = load_file(path)
        surface = len(tensors["surface_mean"])
        hidden, width = tensors["head.0.weight"].shape
        model = cls((width - surface) // 3, surface, hidden if "head.3.weight" in tensors else 0)
        model.load_state_dict(tensors)
        return model.eval()
