"""Two real OpenAI-compatible servers, of two makes, with tiny models made on the spot."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx

from config.supervisor.plan import any_port
from tests.conftest import ROOT

TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "assistant:"
)
LESSON = "user: What is tea?\nassistant: Tea is a leaf.</s>"


class RealServer:
    """A server process that can be killed and started again at the same address."""

    def __init__(self, command: list[str], port: int, model: str, health: str) -> None:
        self.url, self.model = f"http://127.0.0.1:{port}", model
        self._command, self._health = command, health
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=os.environ
            | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
            | {"TRAINERS_DIE_WITH_PARENT": str(os.getpid())},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ends = time.monotonic() + 120
        while not self._answers():
            assert self.process.poll() is None, "the server did not start"
            assert time.monotonic() < ends, "the server did not answer"
            time.sleep(0.2)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url + self._health, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


def inference_server(artifacts: Path) -> RealServer:
    """Our own: `python -m trainers serve`."""
    port = any_port()
    command = [sys.executable, "-m", "trainers", "serve", "--artifacts", str(artifacts)]
    return RealServer([*command, "--port", str(port)], port, "policy-toy", "/healthz")


def transformers_server(model: Path) -> RealServer:
    """That of Hugging Face's transformers: `transformers serve`."""
    port = any_port()
    program = str(Path(sys.executable).with_name("transformers"))
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    return RealServer([program, "serve", str(model), *options], port, str(model), "/health")


def taught_model(folder: Path) -> None:
    """A Llama of two layers that has learnt one answer by heart."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "</s>"]
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet)
    tokenizer.train_from_iterator([LESSON], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    fast.chat_template = TEMPLATE
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(fast),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=256,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
        )
    )
    ids = torch.tensor([fast(LESSON).input_ids])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(120):
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
