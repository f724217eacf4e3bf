"""The LoRA adapter: onto a base, into an artifact in peft's layout, and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peft
import torch
from transformers.pytorch_utils import Conv1D

from trainers.artifacts import Artifact
from trainers.errors import InputError
from trainers.policy.base import Base, find_checkpoint, load_base
from trainers.policy.config import POLICY, SMOLLM2, TINY, PolicyConfig
from trainers.policy.dialogue import Dialogue
from trainers.pretrained.weights import weights_digest
from trainers.tuning.devices import pick_device, pick_dtype

BASE = "base"  # the folder of an artifact that holds a base made for it
# What peft's file calls a packaged checkpoint: the name by which other tools know the model. Its
# weights here are the package's, in four bits once, and those the card's `base` identifies.
LINEAGE = {SMOLLM2: "HuggingFaceTB/SmolLM2-135M-Instruct", TINY: BASE}


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy ready to answer: the base under its adapter, and its dialogue format."""

    model: Any
    dialogue: Dialogue
    card: dict[str, Any]

    @property
    def tokenizer(self) -> Any:
        return self.dialogue.tokenizer


def add_adapter(base: Base, config: PolicyConfig) -> Any:
    """Return the base, frozen, with a LoRA adapter of the layers that the settings name.

    Raises InputError where the base has no layer of a name.
    """
    layers = linear_layers(base.model)
    targets = config.lora.targets or layers
    if unknown := sorted(set(targets) - set(layers)):
        raise InputError(
            f"lora.target_modules: the base has no linear layer {', '.join(unknown)}; "
            f"it has {', '.join(layers)}"
        )
    return peft.get_peft_model(
        base.model,
        peft.LoraConfig(
            r=config.lora.rank,
            lora_alpha=config.lora.alpha,
            lora_dropout=0.0,  # it would be noise between pi and pi_ref
            target_modules=targets,
            task_type="CAUSAL_LM",
        ),
    )


def linear_layers(model: Any) -> list[str]:
    """Return the last names of the linear layers, sorted, without the output head.

    An adapter of the head would be as large as the vocabulary.
    """
    head = model.get_output_embeddings()
    return sorted(
        {
            name.rsplit(".", 1)[-1]  # peft matches a target by the end of its name
            for name, module in model.named_modules()
            # GPT-2's linear layers are Conv1D.
            if isinstance(module, torch.nn.Linear | Conv1D) and module is not head
        }
    )


def save_policy(model: Any, tokenizer: Any, config: PolicyConfig, folder: Path) -> None:
    """Write peft's files, and with them a base that exists nowhere else.

    peft keeps the adapted layers as a set; sorted, equal runs write equal files.
    """
    adapter = model.peft_config["default"]
    adapter.target_modules = sorted(adapter.target_modules)
    name = config.model_name_or_path
    adapter.base_model_name_or_path = LINEAGE.get(name, name)
    # Said outright: left to peft, it may ask the hub whether the base's vocabulary has grown.
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink()  # peft's template of a model card; ours is card.json
    if config.model_name_or_path == TINY:
        # After the adapter is written, since this takes it off: the base as it was before tuning.
        model.unload().save_pretrained(folder / BASE)
        tokenizer.save_pretrained(folder / BASE)


def load_policy(artifact: Artifact, device: str = "auto") -> Policy:
    """Return a policy artifact as it was trained, in evaluation mode.

    By hand: `AutoModelForCausalLM.from_pretrained(base)` with base the folder `base` of the
    artifact, or the checkpoint that the card names; then `PeftModel.from_pretrained(base, path)`.
    Raises InputError where the base is not there, or not the one that was trained on.
    """
    if artifact.kind != "policy":
        raise InputError.at(artifact.path, f"is a {artifact.kind} artifact, not a policy")
    config, place = POLICY.stored(artifact.card["config"]), pick_device(device)
    is_tiny = config.model_name_or_path == TINY
    base = load_base(base_folder(artifact), place, torch.float32 if is_tiny else pick_dtype(place))
    model = peft.PeftModel.from_pretrained(base.model, artifact.path)
    dialogue = Dialogue(base.tokenizer, config.max_length, config.system_prompt)
    return Policy(model.eval(), dialogue, dict(artifact.card))


def base_name(card: Mapping[str, Any]) -> str:
    """Return the name of a policy's base, from its card."""
    return POLICY.stored(card["config"]).model_name_or_path


def base_folder(artifact: Artifact) -> Path:
    """Return the checkpoint that a policy's adapter was trained on.

    Raises InputError where it is not there, or has other weights now.
    """
    name = base_name(artifact.card)
    if name == TINY:
        return artifact.path / BASE
    folder = find_checkpoint(name)
    _check_base(artifact, folder)
    return folder


def _check_base(artifact: Artifact, folder: Path) -> None:
    """Raise InputError where a checkpoint is not the base that an adapter was trained on.

    An adapter on other weights still gives sentences, and nothing else would tell.
    """
    trained = artifact.card.get("base")
    if trained is None:  # a card of before names no weights
        return
    found = weights_digest(folder)
    if found != trained["weights"]:
        raise InputError.at(
            artifact.path,
            f"was trained on a base of the same name, {trained['name']}, with other weights "
            f"({trained['weights'][:12]}…; {folder} has {found[:12]}…): put those back, or train "
            "it again",
        )
