"""The settings of the reward trainer: one config a mode."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from trainers.objectives.scaling import ScalingConfig
from trainers.settings.bounds import Range
from trainers.settings.config import Config
from trainers.settings.kind import Kind
from trainers.tuning.config import LoraConfig, OptimConfig, WarmupOptimConfig

Mode = Literal["frozen", "lora", "full"]
HeadKind = Literal["scalar", "attributes", "gpm"]
SHORTEST = 16  # tokens of a sequence that still says something


@dataclass(frozen=True, kw_only=True)
class LossConfig(Config):
    """From the gap of a pair and its label to a loss."""

    type: Literal["auto", "adaptive", "bradley_terry"] = "auto"
    """"adaptive" (preference scaling), "bradley_terry" (the plain loss), or "auto": the better one
    on validation (adaptive where no baseline is trained to choose from)"""
    ties: Literal["half", "davidson"] = "half"
    """"half": a tie is half a win for each side; "davidson": an outcome of its own"""
    margin: Annotated[float, Range(least=0)] = 0.0
    """gap that a preference of strength 1 must exceed before it counts as a win"""
    control: Literal["none", "length", "style"] = "none"
    """what the reward must not reward: nothing, length, or style (length and layout)"""
    decorrelation: Annotated[float, Range(least=0)] = 0.0
    """weight of the squared correlation of gaps with what is controlled"""

    def conflicts(self) -> Iterator[tuple[str, str]]:
        """Yield a margin without a winner."""
        if self.margin and self.ties == "davidson":
            yield "margin", "a tie of Davidson's model has no winner to ask a margin of"


@dataclass(frozen=True, kw_only=True)
class FeaturesConfig(Config):
    """Features of a sentence encoder: for the heads of frozen mode, for noise filters in all."""

    encoder: str = "all-MiniLM-L6-v2"
    """sentence encoder: the packaged default, a folder or a hub name"""
    max_length: Annotated[int, Range(least=1)] = 256
    """tokens of a prompt and of a response that are read"""
    layers: Literal["last", "all"] = "last"
    """which of the encoder's layers a response is read from"""
    hidden_size: Annotated[int, Range(least=1)] = 64
    """width of the hidden layer of heads on these features"""


@dataclass(frozen=True, kw_only=True)
class HeadConfig(Config):
    """The heads of frozen mode."""

    kind: HeadKind = "scalar"
    """"scalar"; "attributes": one number an aspect and their combination; "gpm": the General
    Preference Model, whose preferences may be cyclic"""
    architecture: Literal["auto", "linear", "mlp"] = "auto"
    """"linear", "mlp" (one hidden layer), or "auto": the better one on validation"""
    combination: str = "learned"
    """of aspects: "learned", or given, as in "helpfulness=0.65,verbosity=-0.4\""""
    dimension: Annotated[int, Range(least=2, multiple_of=2)] = 4
    """of a gpm vector"""
    ensemble_size: Annotated[int, Range(least=1)] = 5
    """members of the ensemble; each leaves out one fold of the prompts; 1 is a single model"""
    prior_scale: Annotated[float, Range(above=0)] = 0.1
    """spread of the rewards that each member of an ensemble starts from"""


@dataclass(frozen=True, kw_only=True)
class RewardConfig(Config):
    """What every mode of the reward model is trained with."""

    mode: Mode
    """"frozen": heads on cached features of an encoder; "lora": adapters of a transformer and a
    scalar head; "full": a whole transformer, or its last layers, and a scalar head"""
    loss: LossConfig = LossConfig()
    scaling: ScalingConfig = ScalingConfig()
    train_baseline: bool = True
    """also train the same model with the plain loss, to compare with"""
    noise: Annotated[float, Range(least=0, below=0.5)] = 0.0
    """share of labels expected to be wrong: so many training pairs are quarantined"""
    features: FeaturesConfig = FeaturesConfig()
    optim: OptimConfig
    dropout: Annotated[float, Range(least=0, below=1)] = 0.0
    """while training: of the hidden layer, or of a whole transformer or its adapters"""
    seed: Annotated[int, Range(least=0)] = 0
    """of initialisation, order and dropout"""
    device: str = "auto"
    """where to train: "auto" (a GPU where there is one), "cpu", "cuda" or "cuda:1\""""


@dataclass(frozen=True, kw_only=True)
class FrozenConfig(RewardConfig):
    """Heads on cached features."""

    mode: Literal["frozen"] = "frozen"
    head: HeadConfig = HeadConfig()
    # Each variant has a rate of its own: heads take a far larger one than whole transformers.
    optim: OptimConfig = OptimConfig(
        learning_rate=3e-3, weight_decay=0.1, num_train_epochs=60, train_batch_size=256
    )
    early_stopping_patience: Annotated[int, Range(least=1)] = 8
    """epochs without improvement on validation before training stops"""
    dropout: Annotated[float, Range(least=0, below=1)] = 0.2


@dataclass(frozen=True, kw_only=True)
class TransformerConfig(RewardConfig):
    """A scalar head on a transformer that is itself tuned."""

    optim: WarmupOptimConfig
    model_name_or_path: str = "all-MiniLM-L6-v2"
    """checkpoint to tune: the packaged encoder, a folder or a hub name"""
    max_length: Annotated[int, Range(least=SHORTEST)] | None = None
    """tokens of a conversation with its answer; none is what the model can read, at most 4096"""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """of matrix products: "auto" is bfloat16 on a GPU and float32 on a CPU"""
    pairs_per_group: Annotated[int, Range(least=1)] = 8
    """pairs of a prompt that are drawn together, so that answers which stand in several of them
    are read once; 1 draws every pair by itself"""
    max_tokens_per_microbatch: Annotated[int, Range(least=1)] = 8192
    """tokens that go forward and back at once; halved when memory runs out"""
    gradient_checkpointing: bool = False
    """compute activations twice instead of keeping them"""
    checkpoint_seconds: Annotated[float, Range(above=0)] = 120.0
    """between two checkpoints"""


@dataclass(frozen=True, kw_only=True)
class LoraRewardConfig(TransformerConfig):
    """Adapters on every linear layer."""

    mode: Literal["lora"] = "lora"
    lora: LoraConfig = LoraConfig()
    optim: WarmupOptimConfig = WarmupOptimConfig(
        learning_rate=2e-4, weight_decay=0.0, num_train_epochs=2, train_batch_size=32
    )


@dataclass(frozen=True, kw_only=True)
class FullRewardConfig(TransformerConfig):
    """All weights, or those of the last layers."""

    mode: Literal["full"] = "full"
    trainable_layers: Annotated[int, Range(least=0)] | None = None
    """so many of the last layers, and the head; none is all"""
    optim: WarmupOptimConfig = WarmupOptimConfig(
        learning_rate=2e-5, weight_decay=0.01, num_train_epochs=2, train_batch_size=32
    )


REWARD = Kind[RewardConfig](
    name="reward",
    variants={"frozen": FrozenConfig, "lora": LoraRewardConfig, "full": FullRewardConfig},
    chosen_by="mode",
    renamed={
        "backbone": "model_name_or_path",
        "loss": "loss.type",
        "rho0": "scaling.rho0",
        "tau0": "scaling.tau0",
        "tau_max": "scaling.tau_max",
        "variant": "scaling.variant",
        "ties": "loss.ties",
        "margin": "loss.margin",
        "control": "loss.control",
        "decorrelate": "loss.decorrelation",
        "twin": "train_baseline",
        "encoder": "features.encoder",
        "max_tokens": "features.max_length",
        "layers": "features.layers",
        "hidden": "features.hidden_size",
        "kind": "head.kind",
        "head": "head.architecture",
        "combination": "head.combination",
        "dimension": "head.dimension",
        "members": "head.ensemble_size",
        "prior": "head.prior_scale",
        "learning_rate": "optim.learning_rate",
        "weight_decay": "optim.weight_decay",
        "batch": "optim.train_batch_size",
        "epochs": "optim.num_train_epochs",
        "warmup_fraction": "optim.warmup_ratio",
        "patience": "early_stopping_patience",
        "lora_rank": "lora.rank",
        "lora_alpha": "lora.alpha",
        "meet": "pairs_per_group",
        "step_tokens": "max_tokens_per_microbatch",
    },
)
