"""LoRA adapters over one copy of the base: each token is read with the adapter of its row.

The matrices of all adapters lie side by side, and a token's scales are 0 for those of the others:
two products a layer, however many adapters share the batch. peft's mixed batches take one adapter
after another in every layer (`tests/benchmarks/bench_adapters.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers.pytorch_utils import Conv1D

from trainers.errors import InputError
from trainers.generation.rows import Row

WEIGHTS = "adapter_model.safetensors"
PREFIX, DOWN, UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"  # of peft's names


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Adapter:
    """An adapter in memory: by layer name its matrices [rank, in] and [out, rank].

    Two that were loaded from equal files are two: what a row began with stays.
    """

    rank: int
    scaling: float
    layers: Mapping[str, tuple[Tensor, Tensor]]

    @property
    def parameters(self) -> int:
        """Return how many numbers it has."""
        return sum(down.numel() + up.numel() for down, up in self.layers.values())


def read_adapter(folder: Path, model: Any) -> Adapter:
    """Return the adapter in peft's files, in the type and on the device of the model.

    Raises InputError where it is not a plain LoRA adapter, or one of another architecture.
    """
    config = _config(folder)
    try:
        tensors = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise InputError.at(folder / WEIGHTS, f"cannot be read ({error})") from error
    names = [name.removesuffix(DOWN) for name in tensors if name.endswith(DOWN)]
    layers = {}
    for name in names:
        down, up = (tensors.pop(name + end).to(model.device, model.dtype) for end in (DOWN, UP))
        path = name.removeprefix(PREFIX)
        if (down.shape[1], up.shape[0]) != _widths(_layer(model, path)):
            raise InputError.at(folder / WEIGHTS, f"the base has no layer {path} of this shape")
        layers[path] = (down, up)
    if tensors or not layers:
        what = next(iter(tensors), "nothing")
        raise InputError.at(folder / WEIGHTS, f"is not a plain LoRA adapter: it holds {what}")
    ranks = {down.shape[0] for down, _ in layers.values()}
    if ranks != {config.r}:
        raise InputError.at(folder, f"has layers of ranks {sorted(ranks)}; one rank is served")
    scaling = config.lora_alpha / (config.r**0.5 if config.use_rslora else config.r)
    return Adapter(rank=config.r, scaling=scaling, layers=layers)


class AdapterStack:
    """The adapters that a model's rows may be read with. Belongs to the model's thread."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._columns: dict[Adapter, slice] = {}
        self._layers: dict[str, StackedLinear] = {}
        self._width = 0

    def hold(self, adapters: Iterable[Adapter]) -> None:
        """Keep these side by side, and no others."""
        wanted = list(dict.fromkeys(adapters))
        if wanted == list(self._columns):
            return
        self._columns, self._width = {}, 0
        for adapter in wanted:
            self._columns[adapter] = slice(self._width, self._width + adapter.rank)
            self._width += adapter.rank
        for path in {path for adapter in wanted for path in adapter.layers} - set(self._layers):
            self._layers[path] = _wrapped(self._model, path)
        for path, layer in self._layers.items():
            layer.down, layer.up = self._stacked(path)

    def choose(self, rows: Sequence[Row]) -> None:
        """Set the scales of the tokens of the next forward pass; all adapters must be held."""
        scales = None
        if any(row.adapter is not None for row in rows):
            tokens = sum(row.part for row in rows)
            scales = torch.zeros(1, tokens, self._width)
            begin = 0
            for row in rows:
                if isinstance(row.adapter, Adapter):
                    columns = self._columns[row.adapter]
                    scales[0, begin : begin + row.part, columns] = row.adapter.scaling
                begin += row.part
            scales = scales.to(self._model.device, self._model.dtype)
        for layer in self._layers.values():
            layer.scales = scales

    def _stacked(self, path: str) -> tuple[Tensor, Tensor]:
        """Return a layer's matrices [in, columns] and [columns, out]; 0 for who leaves it alone."""
        widths = _widths(_layer(self._model, path))
        assert widths is not None  # it was read for this model
        inputs, outputs = widths
        like = {"dtype": self._model.dtype, "device": self._model.device}
        down = torch.zeros(inputs, self._width, **like)
        up = torch.zeros(self._width, outputs, **like)
        for adapter, columns in self._columns.items():
            if path in adapter.layers:
                down[:, columns] = adapter.layers[path][0].T
                up[columns] = adapter.layers[path][1].T
        return down, up


class StackedLinear(torch.nn.Module):
    """A linear layer of the base, and on it each token's own adapter."""

    down: Tensor  # [in, columns]
    up: Tensor  # [columns, out]

    def __init__(self, base: torch.nn.Module) -> None:
        super().__init__()
        self.base = base
        self.scales: Tensor | None = None  # [1, tokens, columns]; None where no row has an adapter

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs [1, tokens, out] of inputs [1, tokens, in]."""
        outputs: Tensor = self.base(inputs)
        if self.scales is None:
            return outputs
        return outputs + ((inputs @ self.down) * self.scales) @ self.up


def _config(folder: Path) -> LoraConfig:
    """Return peft's settings of an adapter; raises InputError for what is not computed here."""
    try:
        config = LoraConfig.from_pretrained(str(folder))
    except (OSError, ValueError, TypeError) as error:
        raise InputError.at(folder, f"has no settings of a LoRA adapter ({error})") from error
    if not isinstance(config, LoraConfig) or config.use_dora or config.bias != "none":
        raise InputError.at(folder, "is not a plain LoRA adapter")
    if config.rank_pattern or config.alpha_pattern or config.modules_to_save:
        raise InputError.at(folder, "is not a plain LoRA adapter: its layers differ")
    return config


def _layer(model: Any, path: str) -> Any:
    """Return the base's own layer of a path, under the adapters that lie on it; None without."""
    try:
        found = model.get_submodule(path)
    except AttributeError:
        return None
    return found.base if isinstance(found, StackedLinear) else found


def _widths(layer: Any) -> tuple[int, int] | None:
    """Return how many numbers a linear layer takes and gives; None where it is none."""
    if isinstance(layer, Conv1D):  # GPT-2's linear layer lies transposed
        return layer.nx, layer.nf
    if isinstance(layer, torch.nn.Linear):
        return layer.in_features, layer.out_features
    return None


def _wrapped(model: Any, path: str) -> StackedLinear:
    """Put a `StackedLinear` in the place of a layer."""
    parent, _, name = path.rpartition(".")
    wrapped = StackedLinear(_layer(model, path))
    setattr(model.get_submodule(parent), name, wrapped)
    return wrapped
