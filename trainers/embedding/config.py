"""The settings of the embedding trainer."""

from dataclasses import dataclass
from typing import Annotated, Literal

from trainers.settings.bounds import Range
from trainers.settings.config import Config
from trainers.settings.kind import Kind
from trainers.tuning.config import OptimConfig


@dataclass(frozen=True, kw_only=True)
class EmbeddingConfig(Config):
    """Model embeddings; defaults chosen on MMLU-Pro (docs/algorithms/model-embeddings.md)."""

    model_name_or_path: str = "all-MiniLM-L6-v2"
    """sentence encoder of the questions: the packaged default, a folder or a hub name"""
    max_length: Annotated[int, Range(least=1)] = 256
    """tokens of a question that the encoder reads"""
    method: Literal["platform", "embedllm"] = "platform"
    """"platform": from outcomes and comparisons; "embedllm": as the paper gives it, from outcomes
    alone, with settings of its own in place of the ones below"""
    loss: Literal["logistic", "adaptive"] = "logistic"
    """of comparisons: "logistic" (Bradley–Terry) or "adaptive" (preference scaling)"""
    dimension: Annotated[int, Range(least=1)] = 32
    """length k of a model's vector, apart from its intercept"""
    optim: OptimConfig = OptimConfig(
        learning_rate=3e-3, weight_decay=1.0, num_train_epochs=16, train_batch_size=128
    )
    seed: Annotated[int, Range(least=0)] = 0
    """of initialisation, order and the kernel's centres"""
    device: str = "auto"
    """where to train: "auto" (a GPU where there is one), "cpu", "cuda" or "cuda:1\""""


EMBEDDING = Kind(
    name="embedding",
    variants={"": EmbeddingConfig},
    renamed={
        "encoder": "model_name_or_path",
        "max_tokens": "max_length",
        "learning_rate": "optim.learning_rate",
        "weight_decay": "optim.weight_decay",
        "batch": "optim.train_batch_size",
        "epochs": "optim.num_train_epochs",
    },
)
