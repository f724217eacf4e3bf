"""Groups of settings that trainers share."""

from dataclasses import dataclass
from typing import Annotated

from trainers.settings.bounds import Range
from trainers.settings.config import Config


@dataclass(frozen=True, kw_only=True)
class OptimConfig(Config):
    """AdamW over batches."""

    learning_rate: Annotated[float, Range(above=0)]
    """at its highest"""
    weight_decay: Annotated[float, Range(least=0)] = 0.0
    """decoupled, towards where the weights started or towards zero"""
    num_train_epochs: Annotated[int, Range(least=1)]
    """passes over the training data; at most so many where validation stops a run earlier"""
    train_batch_size: Annotated[int, Range(least=1)]
    """examples (pairs, or prompts of an embedding) of an optimizer step, over all devices"""


@dataclass(frozen=True, kw_only=True)
class WarmupOptimConfig(OptimConfig):
    """AdamW under a linear warm-up and a linear fall to zero, with clipped gradients."""

    warmup_ratio: Annotated[float, Range(least=0, below=1)] = 0.1
    """share of the steps over which the learning rate rises"""
    max_grad_norm: Annotated[float, Range(above=0)] = 1.0
    """Euclidean norm over all weights to which a longer gradient is cut"""


@dataclass(frozen=True, kw_only=True)
class LoraConfig(Config):
    """Low-rank adapters of the linear layers (Hu et al. 2021, arXiv 2106.09685)."""

    rank: Annotated[int, Range(least=1)] = 16
    """of the adapters"""
    alpha: Annotated[int, Range(least=1)] = 32
    """the adapters' output is scaled by alpha / rank"""
