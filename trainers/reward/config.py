"""The settings of the reward trainer."""

from dataclasses import dataclass
from typing import Any, Literal

from trainers.errors import InputError
from trainers.objectives.scaling import PreferenceScaling, Variant

POSITIVE = (
    *("max_tokens", "hidden", "learning_rate", "batch", "epochs", "patience"),
    *("members", "prior", "dimension"),
    *("lora_rank", "lora_alpha", "meet", "step_tokens", "checkpoint_seconds"),
)
NOT_NEGATIVE = ("weight_decay", "margin", "decorrelate")

Kind = Literal["scalar", "attributes", "gpm"]
SHORTEST = 16  # tokens of a sequence that still says something

# What is left out of a config takes what suits its mode.
BY_MODE: Any = None
SUITED = {
    "frozen": {
        "learning_rate": 3e-3,
        "weight_decay": 0.1,
        "batch": 256,
        "epochs": 60,
        "dropout": 0.2,
    },
    "lora": {
        "learning_rate": 2e-4,
        "weight_decay": 0.0,
        "batch": 32,
        "epochs": 2,
        "dropout": 0.0,
    },
    "full": {
        "learning_rate": 2e-5,
        "weight_decay": 0.01,
        "batch": 32,
        "epochs": 2,
        "dropout": 0.0,
    },
}


@dataclass(frozen=True, slots=True)
class Config:
    """A reward model in one of three modes, trained with the adaptive or the plain loss.

    mode           "frozen": heads on cached encoder features; "lora" and "full": a scalar head on a
                   fine-tuned transformer
    backbone       checkpoint of lora and full mode: a folder or a hub name; the packaged encoder
    loss           "adaptive", "bradley_terry", or "auto": the better one on validation (adaptive
                   where no twin is trained to choose from)
    rho0           radius of the preference scaling in nats, in (0, log 2)
    tau0           smallest temperature of a pair
    tau_max        largest temperature of a pair; tau0 = tau_max = 1 is Bradley–Terry
    variant        penalty of a temperature: "linear" or "quadratic"
    ties           "half": a tie is half a win for each; "davidson": an outcome of its own
    margin         gap that a preference of strength 1 must exceed before it counts as a win
    control        what the reward must not reward: "none", "length" or "style" (length and layout)
    decorrelate    weight of the squared correlation of gaps with what is controlled
    noise          share of labels expected to be wrong: so many training pairs are quarantined
    twin           also train the same model with the plain loss, to compare with
    encoder        sentence encoder of frozen mode: the packaged default, a folder or a hub name
    max_tokens     how much of a prompt and of a response is read
    layers         which of the encoder's layers a response is read from: "last" or "all"
    kind           "scalar"; "attributes": one number an aspect and their combination; "gpm": the
                   General Preference Model, whose preferences may go in circles
    combination    of aspects: "learned", or given, as in "helpfulness=0.65,verbosity=-0.4"
    dimension      of a gpm vector, even
    members        of the ensemble; each leaves out one fold of the prompts; 1 is a single model
    prior          spread of the rewards that each member of an ensemble starts from
    head           "linear", "mlp" (one hidden layer), or "auto": the better one on validation
    hidden         width of the hidden layer
    dropout        while training: of the hidden layer, or of a whole transformer or its adapters
    learning_rate  of AdamW, by mode
    weight_decay   of AdamW, by mode
    batch          pairs a step, by mode
    epochs         by mode; at most in frozen mode, which stops when validation stops improving
    patience       epochs without improvement before it stops
    seed           of initialisation, order and dropout
    device         "auto", "cpu", "cuda"

    Of lora and full mode alone:

    max_length          tokens of a conversation with its answer; none is what the model can read
    lora_rank           of the adapters, on every linear layer
    lora_alpha          their scale is lora_alpha / lora_rank
    trainable_layers    full mode: only so many of the last layers and the head; none is all
    precision           of matrix products: "auto" is bfloat16 on a GPU and float32 on a CPU
    meet                pairs of a prompt that are drawn together, so that answers which stand in
                        several of them are read once; 1 draws every pair by itself
    step_tokens         tokens that go forward and back at once; halved when memory runs out
    gradient_checkpointing  compute activations twice instead of keeping them
    warmup_fraction     share of the steps over which the learning rate rises
    checkpoint_seconds  between two checkpoints
    """

    mode: Literal["frozen", "lora", "full"] = "frozen"
    backbone: str = "all-MiniLM-L6-v2"
    loss: Literal["auto", "adaptive", "bradley_terry"] = "auto"
    rho0: float = 0.1
    tau0: float = 0.1
    tau_max: float = 4.0
    variant: Variant = "linear"
    ties: Literal["half", "davidson"] = "half"
    margin: float = 0.0
    control: Literal["none", "length", "style"] = "none"
    decorrelate: float = 0.0
    noise: float = 0.0
    twin: bool = True
    encoder: str = "all-MiniLM-L6-v2"
    max_tokens: int = 256
    layers: Literal["last", "all"] = "last"
    kind: Kind = "scalar"
    combination: str = "learned"
    dimension: int = 4
    members: int = 5
    prior: float = 0.1
    head: Literal["auto", "linear", "mlp"] = "auto"
    hidden: int = 64
    dropout: float = BY_MODE
    learning_rate: float = BY_MODE
    weight_decay: float = BY_MODE
    batch: int = BY_MODE
    epochs: int = BY_MODE
    patience: int = 8
    seed: int = 0
    device: str = "auto"
    max_length: int | None = None
    lora_rank: int = 16
    lora_alpha: int = 32
    trainable_layers: int | None = None
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    meet: int = 8
    step_tokens: int = 8192
    gradient_checkpointing: bool = False
    warmup_fraction: float = 0.1
    checkpoint_seconds: float = 120.0

    def __post_init__(self) -> None:
        """Refuse values that mean nothing, by name, and fill in what suits the mode."""
        self.scaling()
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                wanted = ", ".join(known)
                raise InputError(f"{name} must be one of {wanted}, not {getattr(self, name)!r}")
        self._fill_in()
        for name in NOT_NEGATIVE:
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} must not be negative, not {getattr(self, name)}")
        for name in POSITIVE:
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, not {getattr(self, name)}")
        self._check_learning()
        self._check_tuning()

    def _fill_in(self) -> None:
        for name, suited in SUITED[self.mode].items():
            if getattr(self, name) is BY_MODE:
                object.__setattr__(self, name, suited)

    def _check_learning(self) -> None:
        if not 0.0 <= self.dropout < 1.0:
            raise InputError(f"dropout must be in [0, 1), not {self.dropout}")
        if not 0.0 <= self.noise < 0.5:
            raise InputError(f"noise must be in [0, 0.5), not {self.noise}")
        if self.dimension % 2:
            raise InputError(f"dimension must be even, not {self.dimension}")
        if self.margin and self.ties == "davidson":
            raise InputError("margin: a tie of Davidson's model has no winner to ask a margin of")

    def _check_tuning(self) -> None:
        if self.mode != "frozen" and self.kind != "scalar":
            raise InputError(f"kind: {self.mode} mode gives a scalar reward, not {self.kind}")
        if not 0.0 <= self.warmup_fraction < 1.0:
            raise InputError(f"warmup_fraction must be in [0, 1), not {self.warmup_fraction}")
        if self.max_length is not None and self.max_length < SHORTEST:
            raise InputError(f"max_length must be at least {SHORTEST}, not {self.max_length}")
        if self.trainable_layers is not None:
            if self.mode != "full":
                raise InputError("trainable_layers: only full mode trains a model's own layers")
            if self.trainable_layers < 0:
                raise InputError(f"trainable_layers must not be negative: {self.trainable_layers}")

    def scaling(self) -> PreferenceScaling:
        """The constants of the adaptive loss, checked."""
        return PreferenceScaling(self.rho0, self.tau0, self.tau_max, self.variant)


CHOICES = {
    "mode": ("frozen", "lora", "full"),
    "loss": ("auto", "adaptive", "bradley_terry"),
    "ties": ("half", "davidson"),
    "control": ("none", "length", "style"),
    "layers": ("last", "all"),
    "kind": ("scalar", "attributes", "gpm"),
    "head": ("auto", "linear", "mlp"),
    "precision": ("auto", "float32", "bfloat16"),
}
