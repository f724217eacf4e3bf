"""The model that is tuned: any sequence-classification checkpoint, under one label."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import peft
import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.pytorch_utils import Conv1D
from transformers.utils import logging as transformers_logging

from trainers.arrays import Floats
from trainers.encoding.encoder import DEFAULT_ENCODER, encoder_folder
from trainers.errors import InputError
from trainers.reward.config import FullRewardConfig, LoraRewardConfig, TransformerConfig
from trainers.reward.forward import Backbone, in_parts
from trainers.reward.reading import Reader, Tokens
from trainers.tuning.processes import Processes

# Where the packaged encoder lies for those who have not installed the package.
HUB_NAMES = {DEFAULT_ENCODER: "sentence-transformers/all-MiniLM-L6-v2"}
LONGEST = 4096  # tokens of a sequence, where a model could read more and nobody asked for it
SCORED_TOKENS = 16384  # of a forward without gradients
UNBOUNDED = 1_000_000  # what tokenizers without a limit say is larger

_hush: Any = transformers_logging.disable_progress_bar  # standard error carries our progress
_quiet: Any = transformers_logging.set_verbosity_error  # a new head is no news


@dataclass(frozen=True, slots=True)
class Transformer:
    """A model and the reader of its texts."""

    backbone: Backbone
    reader: Reader

    @property
    def model(self) -> Any:
        return self.backbone.model


def new_model(config: TransformerConfig, device: torch.device) -> Transformer:
    """Return the checkpoint with a freshly seeded head; only what the mode trains is trainable."""
    torch.manual_seed(config.seed)
    dtype = precision(config, device)
    # Adapters and the head stay float32; a base that is never changed need not.
    held = dtype if isinstance(config, LoraRewardConfig) and device.type != "cpu" else torch.float32
    made = load_checkpoint(encoder_folder(config.model_name_or_path), config, device, (held, dtype))
    # Before the adapters, whose own dropout is set beside their rank.
    for module in made.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = config.dropout
    if isinstance(config, LoraRewardConfig):
        adapted = peft.get_peft_model(made.model, _adapter(made.model, config))
        made = Transformer(Backbone(adapted, made.backbone.pad, dtype), made.reader)
    elif isinstance(config, FullRewardConfig) and config.trainable_layers is not None:
        train_last_layers(made.model, config.trainable_layers)
    if config.gradient_checkpointing:
        # The reentrant kind needs an input with a gradient, which frozen embeddings do not give.
        made.model.gradient_checkpointing_enable({"use_reentrant": False})
    return made


def load_checkpoint(
    folder: str | Path,
    config: TransformerConfig,
    device: torch.device,
    dtypes: tuple[torch.dtype, torch.dtype],
    tokenizer: str | Path | None = None,
) -> Transformer:
    """Return a checkpoint with one label; `dtypes` are those of its weights and of its products.

    Raises InputError where it cannot be loaded or its tokenizer cannot pad.
    """
    _hush()
    _quiet()
    named = f"model_name_or_path {config.model_name_or_path!r}"
    try:
        words = AutoTokenizer.from_pretrained(tokenizer or folder)
        model: Any = AutoModelForSequenceClassification.from_pretrained(
            folder, num_labels=1, dtype=dtypes[0], use_safetensors=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{named}: cannot be loaded ({error})") from error
    if words.pad_token_id is None:
        # Not the end of a sequence, if it can be helped: decoders take the last token that is no
        # padding for their answer.
        words.pad_token = words.unk_token or words.eos_token
    if words.pad_token_id is None:
        raise InputError(f"{named}: its tokenizer has no token to pad with")
    model.config.get_text_config().pad_token_id = words.pad_token_id
    words.padding_side = "right"
    words.model_max_length = window(words, model, config.max_length)
    reader = Reader(words, words.model_max_length)
    words.truncation_side = "right" if reader.paired else "left"  # from the prompt's side
    return Transformer(Backbone(model.to(device).eval(), words.pad_token_id, dtypes[1]), reader)


def precision(config: TransformerConfig, device: torch.device) -> torch.dtype:
    """Return what matrix products are computed in."""
    if config.precision == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    return torch.bfloat16 if config.precision == "bfloat16" else torch.float32


def window(tokenizer: Any, model: Any, asked: int | None) -> int:
    """Return the tokens of a sequence: those asked for, or what the model reads, at most LONGEST.

    Raises InputError where more are asked for than the model has positions.
    """
    limits = [int(tokenizer.model_max_length), _positions(model)]
    # Limits that are absent (0) or say nothing (1e30) do not count.
    most = min((limit for limit in limits if 0 < limit < UNBOUNDED), default=UNBOUNDED)
    if asked is not None and asked > most:
        raise InputError(f"max_length: the model reads at most {most} tokens, not {asked}")
    return asked or min(most, LONGEST)


def _positions(model: Any) -> int:
    """Return how many positions a model has; some keep the first ones for padding."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding) and name.endswith("position_embeddings"):
            # Such a table (RoBERTa's) counts positions from padding_idx + 1 on.
            return module.num_embeddings - (
                0 if module.padding_idx is None else module.padding_idx + 1
            )
    return int(getattr(model.config.get_text_config(), "max_position_embeddings", 0) or 0)


def head_name(model: Any) -> str:
    """Return the name of the linear layer that gives the reward: the last with one output."""
    names: list[str] = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == 1
    ]
    if not names:
        raise InputError(f"{type(model).__name__} ends in no linear layer with one output")
    return names[-1]


def scale_head(model: Any, factor: float) -> None:
    """Multiply what the model says by a factor, for good: in the weights of its last layer."""
    # The reward is linear in its last layer, so that every gap scales with it.
    head = model.get_submodule(head_name(model))
    with torch.no_grad():
        for weight in (head.weight, head.bias):
            if weight is not None:
                weight.mul_(factor)


def train_last_layers(model: Any, count: int) -> None:
    """Let only the last `count` layers learn, and what stands after them."""
    layers = [module for _, module in model.named_modules() if isinstance(module, nn.ModuleList)]
    depth = int(model.config.get_text_config().num_hidden_layers)
    # The list of blocks is the one with as many modules as the model has layers.
    stack = next((found for found in layers if len(found) == depth), None)
    if stack is None or count > depth:
        raise InputError(f"trainable_layers: the model has {depth} layers, not {count}")
    last = [parameter for layer in stack[depth - count :] for parameter in layer.parameters()]
    # The rest is the head, which always learns.
    inside = {id(parameter) for parameter in model.base_model.parameters()}
    learned = {id(parameter) for parameter in last}
    for name, parameter in model.named_parameters():
        # A pooler belongs to the base model, but stands after the last layer.
        pooled = ".pooler." in name
        parameter.requires_grad_(pooled or id(parameter) in learned or id(parameter) not in inside)


def _adapter(model: Any, config: LoraRewardConfig) -> peft.LoraConfig:
    head = head_name(model).split(".")[0]
    layers = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and name.split(".")[0] != head
    ]
    return peft.LoraConfig(
        r=config.lora.rank,
        lora_alpha=config.lora.alpha,
        lora_dropout=config.dropout,
        target_modules=layers,
        modules_to_save=[head],
        task_type="SEQ_CLS",
    )


def save_model(tuned: Transformer, config: TransformerConfig, folder: Path) -> None:
    """Write the model in the layout of transformers, or its adapter in that of peft."""
    if isinstance(config, LoraRewardConfig):
        adapter = tuned.model.peft_config["default"]
        # peft keeps sets; sorted, equal runs write equal files.
        adapter.target_modules = sorted(adapter.target_modules)
        adapter.modules_to_save = sorted(adapter.modules_to_save)
        adapter.base_model_name_or_path = HUB_NAMES.get(
            config.model_name_or_path, config.model_name_or_path
        )
        tuned.model.save_pretrained(folder, save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)  # peft's template of a model card
    else:
        tuned.model.save_pretrained(folder)
    tuned.reader.tokenizer.save_pretrained(folder)


@torch.inference_mode()
def score_tokens(
    transformer: Transformer, sequences: Sequence[Tokens], processes: Processes
) -> Floats:
    """Return the rewards [n] of sequences, each process computing a share of them."""
    transformer.model.eval()
    rewards = torch.zeros(len(sequences), device=transformer.backbone.device)
    parts = list(in_parts(sequences, SCORED_TOKENS))
    # Dealt in turn: parts go from long sequences to short ones, so that shares are alike.
    for rows in parts[processes.rank :: processes.count]:
        found = transformer.backbone.rewards([sequences[row] for row in rows])
        rewards[torch.from_numpy(rows).to(rewards.device)] = found
    # What others computed is zero here, so that the sum is everything once.
    processes.all_reduce([rewards])
    scores: Floats = rewards.double().cpu().numpy().astype(np.float64)
    return scores
