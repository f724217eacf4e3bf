"""The settings of the policy trainer."""

from dataclasses import dataclass
from typing import Annotated, Literal

from trainers.objectives.scaling import ScalingConfig
from trainers.settings.bounds import Range
from trainers.settings.config import Config
from trainers.settings.kind import Kind
from trainers.tuning.config import LoraConfig, WarmupOptimConfig

TINY: Literal["tiny"] = "tiny"
SMOLLM2: Literal["smollm2"] = "smollm2"
HEAD_WIDTH = 16  # of an attention head of the tiny base
SHORTEST = 16  # tokens of a window that still says something
BYTES_AND_MARKS = 512  # 256 bytes, five marks, and room for some merges


@dataclass(frozen=True, kw_only=True)
class PolicyOptimConfig(WarmupOptimConfig):
    """AdamW, in steps whose pairs go through the model a few at once."""

    per_device_train_batch_size: Annotated[int, Range(least=1)] = 16
    """pairs of a forward; halved when memory runs out, without changing the gradient"""
    max_steps: Annotated[int, Range(least=1)] | None = None
    """optimizer steps after which training ends, whatever the epochs; none is no limit"""


@dataclass(frozen=True, kw_only=True)
class PolicyLoraConfig(LoraConfig):
    """Low-rank adapters of the layers that are named."""

    target_modules: str | None = None
    """last names of the adapted layers with commas between them, such as "q_proj,v_proj"; none is
    every linear layer but the head"""

    @property
    def targets(self) -> list[str]:
        """Return the names apart, sorted; empty where every linear layer is adapted."""
        names = (self.target_modules or "").split(",")
        return sorted({name.strip() for name in names if name.strip()})


@dataclass(frozen=True, kw_only=True)
class SamplingConfig(Config):
    """Answers of policy and reference to test prompts: what the report shows and measures."""

    num_prompts: Annotated[int, Range(least=1)] = 32
    """prompts that are answered"""
    num_answers: Annotated[int, Range(least=1)] = 1
    """answers of either to each prompt"""
    max_new_tokens: Annotated[int, Range(least=1)] = 48
    """tokens of an answer"""
    temperature: Annotated[float, Range(least=0)] = 1.0
    """of the answers that are shown and scored; those behind `kl` are drawn at 1"""
    top_p: Annotated[float, Range(above=0, most=1)] = 1.0
    """mass of the likeliest tokens that they are drawn from"""


@dataclass(frozen=True, kw_only=True)
class TinyConfig(Config):
    """A small Llama trained on the snapshot's own answers."""

    hidden_size: Annotated[int, Range(least=HEAD_WIDTH, multiple_of=HEAD_WIDTH)] = 96
    """width; its attention heads are 16 wide"""
    num_hidden_layers: Annotated[int, Range(least=1)] = 2
    """transformer blocks"""
    vocab_size: Annotated[int, Range(least=BYTES_AND_MARKS)] = 2048
    """of its byte-level tokenizer"""
    max_steps: Annotated[int, Range(least=1)] = 100
    """of next-token prediction, before any preference is learned"""
    learning_rate: Annotated[float, Range(above=0)] = 3e-3
    """at its highest, of next-token prediction"""


@dataclass(frozen=True, kw_only=True)
class PolicyConfig(Config):
    """Preference-scaled DPO with LoRA on a causal checkpoint."""

    model_name_or_path: str
    """"smollm2": SmolLM2 135M, which a package carries; "tiny": a small Llama trained on the
    snapshot's own answers; or the folder or hub name of a causal transformers checkpoint"""
    system_prompt: str | None = None
    """what goes before conversations that have no system message; none leaves it to the template"""
    beta: Annotated[float, Range(above=0)] = 0.1
    """scale of the implicit reward beta log(pi / pi_ref), in nats"""
    scaling: ScalingConfig = ScalingConfig()
    rpo_alpha: Annotated[float, Range(least=0)] = 0.0
    """weight of the negative log-likelihood of the preferred answer, in nats a token (RPO)"""
    lora: PolicyLoraConfig = PolicyLoraConfig()
    # 5e-5 is the paper's best rate for LoRA on a 7B model.
    optim: PolicyOptimConfig = PolicyOptimConfig(
        learning_rate=5e-5, num_train_epochs=1, train_batch_size=32
    )
    max_length: Annotated[int, Range(least=SHORTEST)] = 1024
    """tokens of a prompt and its answer; the prompt is cut first, on the left"""
    max_train_pairs: Annotated[int, Range(least=1)] | None = None
    """training pairs that are used; none is all"""
    max_test_pairs: Annotated[int, Range(least=1)] = 400
    """test pairs that are used"""
    sampling: SamplingConfig = SamplingConfig()
    reward_model: str | None = None
    """a reward artifact that scores sampled answers; without one the two mean rewards are absent"""
    seed: Annotated[int, Range(least=0)] = 0
    """of every draw"""
    device: str = "auto"
    """where to train: "auto" (a GPU where there is one), "cpu", "cuda" or "cuda:1\""""


@dataclass(frozen=True, kw_only=True)
class TinyPolicyConfig(PolicyConfig):
    """The same on a base made for the snapshot; its caps keep a run under a minute on two cores."""

    model_name_or_path: Literal["tiny"] = TINY
    tiny: TinyConfig = TinyConfig()
    # A model three orders of magnitude smaller than the paper's needs a higher rate.
    optim: PolicyOptimConfig = PolicyOptimConfig(
        learning_rate=2e-3, num_train_epochs=1, train_batch_size=32, max_steps=40
    )
    max_length: Annotated[int, Range(least=SHORTEST)] = 128
    max_train_pairs: Annotated[int, Range(least=1)] | None = 800


@dataclass(frozen=True, kw_only=True)
class SmolLM2PolicyConfig(PolicyConfig):
    """The same on the packaged checkpoint; its caps keep a run under ten minutes on two cores."""

    model_name_or_path: Literal["smollm2"] = SMOLLM2
    # The chat template would write one with the model's name, and answers are compared blind.
    system_prompt: str | None = "You are a helpful assistant."
    optim: PolicyOptimConfig = PolicyOptimConfig(
        learning_rate=2e-4, num_train_epochs=1, train_batch_size=8, per_device_train_batch_size=1
    )
    max_length: Annotated[int, Range(least=SHORTEST)] = 512
    max_train_pairs: Annotated[int, Range(least=1)] | None = 128
    max_test_pairs: Annotated[int, Range(least=1)] = 60
    sampling: SamplingConfig = SamplingConfig(
        num_prompts=16, num_answers=2, max_new_tokens=160, temperature=0.7, top_p=0.9
    )


POLICY = Kind[PolicyConfig](
    name="policy",
    variants={"smollm2": SmolLM2PolicyConfig, "tiny": TinyPolicyConfig, "checkpoint": PolicyConfig},
    chosen_by="model_name_or_path",
    renamed={
        "base": "model_name_or_path",
        "rho0": "scaling.rho0",
        "tau0": "scaling.tau0",
        "tau_max": "scaling.tau_max",
        "lora_rank": "lora.rank",
        "lora_alpha": "lora.alpha",
        "learning_rate": "optim.learning_rate",
        "warmup_fraction": "optim.warmup_ratio",
        "batch": "optim.train_batch_size",
        "micro_batch": "optim.per_device_train_batch_size",
        "epochs": "optim.num_train_epochs",
        "max_steps": "optim.max_steps",
        "base_width": "tiny.hidden_size",
        "base_layers": "tiny.num_hidden_layers",
        "base_vocabulary": "tiny.vocab_size",
        "base_steps": "tiny.max_steps",
        "base_learning_rate": "tiny.learning_rate",
        "sample_prompts": "sampling.num_prompts",
        "sample_tokens": "sampling.max_new_tokens",
        "reward": "reward_model",
    },
)
