"""A tiny random causal model, adapters of it, and an engine over it, all in float32."""

import queue
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import peft
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tests.trainers.toys import small_config
from trainers.artifacts import Artifact, write_artifact
from trainers.chat import Chat
from trainers.generation.attention import use_rows
from trainers.generation.sampling import Sampling
from trainers.policy.adapter import BASE
from trainers.policy.base import train_tokenizer
from trainers.serve.engine.adapters import Adapter, read_adapter
from trainers.serve.engine.base import ServedBase
from trainers.serve.engine.engine import Engine
from trainers.serve.engine.requests import Asked, TextPiece
from trainers.settings.config import as_json

WINDOW = 512
TEXTS = ["Eight minutes in boiling water.", "¿Qué tal? 茹で卵 🥚 مرحبا بالعالم", "the sky is blue"]
# Words of a random model: no answer ends by chance.
NO_END = frozenset[int]()


def tiny_tokenizer() -> Any:
    asked = [{"role": "user", "content": "How do I boil an egg?"}]
    return train_tokenizer([(asked, text) for text in TEXTS], 512)


def tiny_writer(vocabulary: int, *, window: int = WINDOW, **more: Any) -> Any:
    """Four query heads over two of keys; weights large enough that no two tokens are near."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=window,
        initializer_range=0.6,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
        **more,
    )
    return LlamaForCausalLM(config).eval()


def save_adapter(folder: Path, seed: int, **how: Any) -> Path:
    """Write a random adapter over `tiny_writer`, large enough to change what it says."""
    settings = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]} | how
    model = peft.get_peft_model(
        tiny_writer(len(tiny_tokenizer())), peft.LoraConfig(task_type="CAUSAL_LM", **settings)
    )
    torch.manual_seed(seed)
    for name, weight in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.5)
    model.save_pretrained(folder)
    return folder


def endless_policy(out: Path) -> Artifact:
    """A policy of 2,048 tokens that never draws its end token, whatever the temperature."""
    tokenizer = tiny_tokenizer()
    model = tiny_writer(len(tokenizer), window=2048, tie_word_embeddings=False)
    with torch.no_grad():
        # One channel of the residual stream is the same for all tokens, and the norm keeps it.
        model.model.embed_tokens.weight[:, 0] = 100.0
        model.model.norm.weight[1:] = 100.0
        model.lm_head.weight[:, 0] = 0.0
        model.lm_head.weight[tokenizer.eos_token_id] = 0.0
        model.lm_head.weight[tokenizer.eos_token_id, 0] = -1000.0

    def write(folder: Path) -> None:
        lora = peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
        adapted: Any = peft.get_peft_model(model, lora)
        adapted.save_pretrained(folder)
        adapted.unload().save_pretrained(folder / BASE)
        tokenizer.save_pretrained(folder / BASE)

    config = as_json(small_config())
    card = {"snapshot_digest": "", "config": config, "seed": 0, "metrics": {}}
    return write_artifact(out, kind="policy", card_fields=card, write_files=write)


def tiny_base() -> ServedBase:
    tokenizer = tiny_tokenizer()
    model = tiny_writer(len(tokenizer))
    use_rows(model)
    return ServedBase(model=model, chat=Chat(tokenizer), digest="tiny", window=WINDOW, ends=NO_END)


def adapter_of(base: ServedBase, folder: Path) -> Adapter:
    return read_adapter(folder, base.model)


class Listener:
    """Who asked for an answer: gathers its pieces, and waits for the last one."""

    def __init__(
        self,
        prompt: Sequence[int],
        how: Sampling,
        *,
        stops: Sequence[str] = (),
        adapter: Adapter | None = None,
    ) -> None:
        self.pieces: list[TextPiece] = []
        self.error: Exception | None = None
        self.first, self.ended = threading.Event(), threading.Event()
        self.asked = Asked(
            prompt=list(prompt), sampling=how, stops=stops, adapter=adapter, tell=self._hear
        )

    def _hear(self, item: TextPiece | Exception) -> None:
        if isinstance(item, Exception):
            self.error = item
        else:
            self.pieces.append(item)
        self.first.set()
        if self.error or self.pieces[-1].finish:
            self.ended.set()

    def text(self) -> str:
        """The whole answer, once it has ended."""
        assert self.ended.wait(60), "no answer"
        if self.error:
            raise self.error
        return "".join(piece.text for piece in self.pieces)


class Gate:
    """Stops an engine before each forward pass; `rows` holds the parts of those that went on."""

    def __init__(self, engine: Engine) -> None:
        self.rows: list[list[int]] = []
        self._arrived = threading.Semaphore(0)
        self._permits: queue.Queue[bool] = queue.Queue()
        self._is_open = False
        self._forward = engine.base.model.forward
        engine.base.model.forward = self._pass

    def _pass(self, **how: Any) -> Any:
        if not self._is_open:
            self._arrived.release()
            self._is_open = self._permits.get(timeout=60)
        self.rows.append([row.part for row in how["batch"].rows])
        return self._forward(**how)

    def wait(self) -> None:
        """Until the engine stands before a pass: who comes now joins the one after it."""
        assert self._arrived.acquire(timeout=30), "no step"

    def let(self, steps: int) -> None:
        """Let passes through; then the engine stands before the next one."""
        for _ in range(steps):
            self._permits.put(False)
            self.wait()

    def open(self) -> None:
        """Stop no pass from now on."""
        self._permits.put(True)
