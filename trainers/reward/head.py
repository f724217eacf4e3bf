"""The head of frozen mode: features of an answer to what each member of an ensemble says of it.

Three kinds:

scalar      one reward
attributes  a reward and one number an aspect; the reward is their combination
gpm         a vector of 2k numbers compared by a skew-symmetric form (General Preference Model,
            arXiv 2410.02197): preferences may be cyclic. With k = 1 and vectors (r, 1) it is
            Bradley–Terry, which is where it starts.
"""

from pathlib import Path
from typing import Self, TypeVar

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from trainers.arrays import Floats
from trainers.reward.config import HeadKind
from trainers.reward.features import Features

TENSORS = "reward.safetensors"
BASELINE_TENSORS = "bradley_terry.safetensors"

Numbers = TypeVar("Numbers", Tensor, Floats)


def pair_gaps(kind: HeadKind, first: Numbers, second: Numbers) -> Numbers:
    """Return the logits [...] of the first answers over the second, from outputs [..., width].

    Exactly antisymmetric in floating point: swapping the answers changes the sign and no bit.
    """
    if kind != "gpm":
        gaps: Numbers = first[..., 0] - second[..., 0]
        return gaps
    # u^T J v with J skew-symmetric: a sum over k planes of the area that u and v span in each.
    turned = first[..., 0::2] * second[..., 1::2] - first[..., 1::2] * second[..., 0::2]  # [..., k]
    total: Numbers = turned.sum(-1)
    return total


class RewardHead(nn.Module):
    """out(x, y) = head_e([q, v, q * u, z]) of every member e: [n, members, width].

    q and u are the unit vectors of prompt and response, v the response's vector or vectors, z its
    surface. The product is what lets a linear head see how a response relates to its prompt: q
    itself cancels in the gap of two responses. Members share no weight.
    """

    response_mean: Tensor
    response_scale: Tensor
    surface_mean: Tensor
    surface_scale: Tensor
    surface_used: Tensor
    reference: Tensor

    def __init__(
        self, kind: HeadKind, sizes: tuple[int, int, int], members: int, hidden: int, width: int
    ) -> None:
        """Start from zero; `sizes` are of prompt, response and surface; `hidden` 0 is linear."""
        super().__init__()
        self.kind = kind
        prompt, response, surface = sizes
        inputs = 2 * prompt + response + surface
        if hidden:
            self.inner = nn.Parameter(torch.empty(members, inputs, hidden))
            self.inner_bias = nn.Parameter(torch.zeros(members, hidden))
            nn.init.uniform_(self.inner, -(inputs**-0.5), inputs**-0.5)  # as nn.Linear starts
        # Zero: no reward before training. An inner layer has no gradient at that point; the outer
        # one has, and after its first step the inner has too.
        self.outer = nn.Parameter(torch.zeros(members, hidden or inputs, width))
        self.outer_bias = nn.Parameter(torch.zeros(members, width))
        self.dropout = nn.Dropout(0.0)
        if kind == "attributes":
            # At the start, the mean of the aspects.
            self.combination = nn.Parameter(torch.full((members, width), 1.0 / width))
        if kind == "gpm":  # the opponent that a response's own score is measured against
            self.register_buffer("reference", torch.zeros(members, width))
        self.register_buffer("response_mean", torch.zeros(response))
        self.register_buffer("response_scale", torch.ones(response))
        self.register_buffer("surface_mean", torch.zeros(surface))
        self.register_buffer("surface_scale", torch.ones(surface))
        self.register_buffer("surface_used", torch.ones(surface))

    @property
    def hidden(self) -> int:
        """Return the width of the hidden layer, 0 without one."""
        return self.inner.shape[2] if hasattr(self, "inner") else 0

    def forward(self, prompt: Tensor, response: Tensor, surface: Tensor) -> Tensor:
        """Return outputs [n, members, width] of prompts, responses and surfaces, [n, d] each."""
        raw = self._raw(self.inputs(prompt, response, surface))
        if self.kind != "attributes":
            return raw
        # [n, members, 1 + aspects]: the reward first, where gaps and rewards look for it.
        return torch.cat([(raw * self.combination).sum(2, keepdim=True), raw], 2)

    def _raw(self, inputs: Tensor) -> Tensor:
        """Return what the layers say, [n, members, width], of inputs[n, inputs]."""
        if not self.hidden:
            return torch.einsum("bi,eiw->bew", inputs, self.outer) + self.outer_bias
        # All members' hidden layers as one product: the inputs, which are long, are read once.
        members, size, hidden = self.inner.shape
        # [n, size] @ [size, members * hidden]
        flat = inputs @ self.inner.transpose(0, 1).reshape(size, members * hidden)
        inner = flat.view(-1, members, hidden) + self.inner_bias  # [n, members, hidden]
        active = self.dropout(nn.functional.gelu(inner))
        return torch.einsum("beh,ehw->bew", active, self.outer) + self.outer_bias

    def inputs(self, prompt: Tensor, response: Tensor, surface: Tensor) -> Tensor:
        """Return what the members read, [n, inputs]."""
        size = prompt.shape[1]
        # A text that is nothing like the training answers must not decide by its layout alone.
        z = ((surface - self.surface_mean) / self.surface_scale).clamp(-5.0, 5.0)
        # Entries of a unit vector are small beside z, and stay so: few pairs can be fitted by heart
        # through many directions of meaning. The root brings the product to the same size. Of a
        # response that is read from every layer, the last numbers are the last layer's.
        product = prompt * nn.functional.normalize(response[:, -size:], dim=1) * size**0.5
        vectors = (response - self.response_mean) / self.response_scale
        return torch.cat([prompt, vectors, product, z * self.surface_used], 1)

    @torch.inference_mode()
    def outputs(self, features: Features, rows: int = 4096) -> Tensor:
        """Return outputs [n, members, width] of all answers, float64 on the CPU, no dropout."""
        self.eval()
        device = self.outer.device
        # Of no answers the result is empty, but has all three axes.
        parts = [torch.zeros(0, *self._shape, dtype=torch.float64)]
        for start in range(0, len(features), rows):
            part = self(*features.rows(slice(start, start + rows), device))
            parts.append(part.double().cpu())
        return torch.cat(parts)

    @torch.no_grad()
    def rescale(self, temperature: float) -> None:
        """Divide every gap by a temperature: each output, or both factors of a product.

        A gpm gap is bilinear in two outputs, so each takes the square root.
        """
        each = temperature**0.5 if self.kind == "gpm" else temperature
        # Outputs are linear in the last layer; a combination of aspects scales with them.
        for tensor in (self.outer, self.outer_bias):
            tensor.div_(each)
        if self.kind == "gpm":
            self.reference.div_(each)  # an output as well

    @torch.no_grad()
    def refer_to(self, outputs: Tensor) -> None:
        """Measure a response's own score against the mean of outputs[n, members, width].

        The form is linear in the opponent, so that is the mean preference over all of them.
        """
        self.reference.copy_(outputs.mean(0))

    def rewards(self, outputs: Tensor) -> Tensor:
        """Return one number an answer and member, [n, members], from outputs."""
        if self.kind == "gpm":
            return pair_gaps(self.kind, outputs, self.reference.to(outputs))
        return outputs[..., 0]

    @property
    def _shape(self) -> tuple[int, int]:
        members, width = self.outer_bias.shape
        return members, width + (self.kind == "attributes")

    def save(self, path: Path) -> None:
        """Write every weight and buffer."""
        tensors = {name: value.contiguous() for name, value in self.state_dict().items()}
        path.write_bytes(save(tensors))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Rebuild the head from the shapes of its tensors."""
        tensors = load_file(path)
        members, size, width = tensors["outer"].shape
        response, surface = len(tensors["response_mean"]), len(tensors["surface_mean"])
        inputs = tensors["inner"].shape[1] if "inner" in tensors else size
        hidden = size if "inner" in tensors else 0
        # inputs = 2 prompt + response + surface, solved for the prompt.
        sizes = ((inputs - response - surface) // 2, response, surface)
        kind: HeadKind = "scalar"
        if "combination" in tensors:
            kind = "attributes"
        elif "reference" in tensors:
            kind = "gpm"
        model = cls(kind, sizes, members, hidden, width)
        model.load_state_dict(tensors)
        return model.eval()
