"""A step of several adapters over one base: ours side by side, peft's one after another.

    python tests/benchmarks/bench_adapters.py

SmolLM2-135M (`$TRAINERS_MODELS` may hold it ready-made) with four random adapters of rank 8 on the
attention projections; rows of 100 tokens that write one token each. Milliseconds of processor time
a step, the median of 30, on one thread. `peft` is its mixed batch (`adapter_names`) with a cache of
transformers, `base` ours without adapters.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import torch
from transformers import AutoModelForCausalLM

from trainers.generation.attention import use_rows
from trainers.generation.rows import CacheShape, Row
from trainers.generation.sampling import Draws, Sampling
from trainers.generation.step import step
from trainers.pretrained.checkpoints import PACKAGED, checkpoint_folder
from trainers.serve.engine.adapters import Adapter, AdapterStack, read_adapter
from trainers.tuning.devices import pick_device, pick_dtype

ADAPTERS = 4
LENGTH = 100
STEPS = 30
LORA = {"r": 8, "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"]}


def loaded() -> Any:
    folder = checkpoint_folder(PACKAGED["smollm2"])
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=pick_dtype(pick_device()))
    return model.eval()


def median_ms(run: Callable[[], object]) -> float:
    times = []
    for _ in range(STEPS):
        began = time.thread_time()
        run()
        times.append(1e3 * (time.thread_time() - began))
    return round(statistics.median(times), 1)


def ours(model: Any, stack: AdapterStack, adapters: list[Adapter | None]) -> float:
    how = Sampling(max_tokens=STEPS + 3, temperature=0)
    shape = CacheShape.of(model)
    prompt = list(range(1000, 1000 + LENGTH))
    rows = [Row.begin(shape, prompt, Draws(how), adapter) for adapter in adapters]
    step(model, rows, reading=LENGTH * len(rows), before=stack.choose)
    step(model, rows, before=stack.choose)
    return median_ms(lambda: step(model, rows, before=stack.choose))


@torch.inference_mode()
def by_peft(model: Any, names: list[str]) -> float:
    prompt = torch.arange(1000, 1000 + LENGTH).repeat(len(names), 1)
    cache = model(input_ids=prompt, use_cache=True, adapter_names=names).past_key_values
    token = torch.full((len(names), 1), 1500)
    return median_ms(
        lambda: model(input_ids=token, past_key_values=cache, adapter_names=names).logits.argmax(-1)
    )


def main() -> None:
    torch.set_num_threads(1)
    names = [f"adapter{number}" for number in range(ADAPTERS)]
    with tempfile.TemporaryDirectory() as folder:
        mixed: Any = peft.get_peft_model(loaded(), peft.LoraConfig(**LORA), names[0])
        for name in names[1:]:
            mixed.add_adapter(name, peft.LoraConfig(**LORA))
        mixed.save_pretrained(folder, selected_adapters=names)
        model = loaded()
        use_rows(model)
        stack = AdapterStack(model)
        adapters = [read_adapter(Path(folder) / name, model) for name in names]
        stack.hold(adapters)
        for rows in (2, 4, 8, 16):
            which = [number % ADAPTERS for number in range(rows)]
            found = {
                "rows": rows,
                "adapters": len(set(which)),
                "base_ms": ours(model, stack, [None] * rows),
                "ours_ms": ours(model, stack, [adapters[number] for number in which]),
                "peft_ms": by_peft(mixed.eval(), [names[number] for number in which]),
            }
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
