"""The model that is tuned: a checkpoint, or a tiny Llama made from the snapshot's own answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging as transformers_logging

from trainers.data.texts import Conversation
from trainers.errors import InputError
from trainers.policy.config import HEAD_WIDTH, TINY, TinyPolicyConfig
from trainers.policy.dialogue import Dialogue
from trainers.policy.logprobs import answer_log_probs, collate
from trainers.pretrained.checkpoints import PACKAGED, checkpoint_folder
from trainers.progress import Progress

END, PAD = "<|end|>", "<|pad|>"
ROLES = ("system", "user", "assistant")
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
PICKLED = ["*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack"]
TINY_CONTEXT = 2048
PRETRAINING_ROWS = 16

# transformers does not annotate these.
FastTokenizer: Any = PreTrainedTokenizerFast
_hush: Any = transformers_logging.disable_progress_bar  # standard error carries our progress

Answers = Sequence[tuple[Conversation, str]]


@dataclass(frozen=True, slots=True)
class Base:
    """A causal model in evaluation mode, and its tokenizer."""

    model: Any
    tokenizer: Any


def find_checkpoint(name: str) -> Path:
    """Return the folder of a packaged checkpoint, of a path, or of a hub name's local copy.

    Raises InputError where there is none.
    """
    if name in PACKAGED:
        try:
            return checkpoint_folder(PACKAGED[name])
        except InputError as error:
            raise InputError(
                f"model_name_or_path {name!r}: {error}; or train on another base "
                f"(model_name_or_path={TINY} needs no package)"
            ) from error
    if Path(name).is_dir():
        return Path(name)
    try:
        # safetensors alone: a pickled checkpoint could run code.
        return Path(snapshot_download(name, ignore_patterns=PICKLED))
    except (OSError, ValueError) as error:
        raise no_checkpoint(name, error) from error


def load_base(folder: Path, device: torch.device, dtype: torch.dtype) -> Base:
    """Return the causal checkpoint in a folder, its weights in a type of floating-point number.

    Raises InputError where it cannot be loaded or its tokenizer has no end of sequence.
    """
    _hush()
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, use_safetensors=True)
        words = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise no_checkpoint(str(folder), error) from error
    if words.eos_token_id is None:  # no answer could end
        raise InputError(
            f"model_name_or_path {str(folder)!r}: its tokenizer has no end-of-sequence token"
        )
    if words.pad_token_id is None:
        # Which token pads does not matter here: it is masked and bears no loss.
        words.pad_token = words.eos_token
    return Base(model.to(device).eval(), words)


def no_checkpoint(name: str, error: Exception) -> InputError:
    """Return the error of a name that stands for no causal checkpoint."""
    return InputError(f"model_name_or_path {name!r} is not a causal checkpoint: {error}")


def build_tiny(
    answers: Answers, config: TinyPolicyConfig, device: torch.device, progress: Progress
) -> Base:
    """Train a byte-level BPE and a small Llama on conversations and their answers."""
    _hush()
    tokenizer = train_tokenizer(answers, config.tiny.vocab_size)
    model: Any = LlamaForCausalLM(_tiny_config(config, tokenizer))
    model.to(device)
    base = Base(model, tokenizer)
    _pretrain(base, _sequences(answers, tokenizer, config), config, progress)
    model.eval()
    return base


def train_tokenizer(answers: Answers, vocabulary: int) -> Any:
    """Return a byte-level BPE with a chat template; every text decodes to itself."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    roles = [f"<|{role}|>" for role in ROLES]
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END, *roles],
        # All 256 bytes, seen or not, so that no text holds an unknown token.
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (text for messages, answer in answers for text in (*_contents(messages), answer))
    core.train_from_iterator(texts, trainer)
    tokenizer = FastTokenizer(
        tokenizer_object=core,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=roles,
        model_max_length=TINY_CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _contents(messages: Conversation) -> list[str]:
    return [message["content"] for message in messages]


def _tiny_config(config: TinyPolicyConfig, tokenizer: Any) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.tiny.hidden_size,
        intermediate_size=3 * config.tiny.hidden_size,
        num_hidden_layers=config.tiny.num_hidden_layers,
        num_attention_heads=config.tiny.hidden_size // HEAD_WIDTH,
        max_position_embeddings=TINY_CONTEXT,
        tie_word_embeddings=True,
        # LlamaConfig's default, 1, is the end token of this tokenizer.
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _sequences(answers: Answers, tokenizer: Any, config: TinyPolicyConfig) -> list[list[int]]:
    dialogue = Dialogue(tokenizer, config.max_length, config.system_prompt)
    found = []
    for messages, text in answers:
        prompt, fitted = dialogue.fit(dialogue.prompt_ids(messages), [dialogue.answer_ids(text)])
        # Prompt and answer alike: what is learned here is the language, not a preference.
        found.append(prompt + fitted[0])
    return found


def _pretrain(
    base: Base, sequences: list[list[int]], config: TinyPolicyConfig, progress: Progress
) -> None:
    """Next-token prediction over whole conversations: bounded steps, rate falling to zero."""
    model = base.model
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.tiny.learning_rate)
    # Of its own: what is drawn does not depend on what else drew before.
    generator = torch.Generator().manual_seed(config.seed)
    model.train()
    for step in range(config.tiny.max_steps):
        chosen = torch.randint(len(sequences), (PRETRAINING_ROWS,), generator=generator)
        # The first token stands for the prompt, so that all others are predicted.
        rows = [(sequences[index][:1], sequences[index][1:]) for index in chosen.tolist()]
        batch = collate(rows, base.tokenizer.pad_token_id, model.device)
        loss = -answer_log_probs(model, batch).sum() / batch.answer.sum()  # nats a token
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = config.tiny.learning_rate * (1.0 - step / config.tiny.max_steps)
        optimizer.step()
        progress.report("base", step + 1, config.tiny.max_steps, loss=float(loss.detach()))
