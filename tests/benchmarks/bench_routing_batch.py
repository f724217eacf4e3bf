"""Batch scoring: prompts a second, beside RouteLLM's MF router and EmbedLLM's own evaluation.

    PYTHONPATH=platform:. python tests/benchmarks/bench_routing_batch.py \
        [--routellm FOLDER] [--embedllm FOLDER] [--questions 3000 --models 112]

FOLDER: a clone of github.com/lm-sys/RouteLLM, and of github.com/richardzhuang0412/EmbedLLM, whose
own modules run, as they are; a peer without a folder is left out. Prints JSON. All read the same
unit vectors in one process; weights are drawn at random, which costs the same. The encoder is not
counted: RouteLLM asks OpenAI for each prompt's vector, so its client is one that has them already.

`routellm_pair` is its router's call, the win rate of a strong model over a weak one; `routellm_all`
its model's forward pass with every model of the table, as a choice among them would need.
"""

import argparse
import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import django
import numpy as np
import torch

from tests.benchmarks.routing_setup import NUMBERS, features
from trainers.model_vectors.scorer import Scorer

DIMENSION = 384
REPEATS = 3


def main() -> None:
    """Measure what is there, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--questions", type=int, default=3000)
    parser.add_argument("--models", type=int, default=112)
    parser.add_argument("--routellm", type=Path)
    parser.add_argument("--embedllm", type=Path)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(arguments.questions, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    runs: dict[str, Callable[[], Any]] = {"ours": ours(vectors, arguments.models)}
    if arguments.routellm:
        sys.path.insert(0, str(arguments.routellm))
        runs |= routellm(vectors, arguments.models)
    if arguments.embedllm:
        sys.path.insert(0, str(arguments.embedllm / "algorithm"))
        runs |= embedllm(vectors, arguments.models)
    own = {"cores": os.cpu_count(), "torch_threads": torch.get_num_threads()}
    found = {name: timed(run, len(vectors)) for name, run in runs.items()}
    sizes = {"questions": arguments.questions, "models": arguments.models}
    print(json.dumps({**own, "load": round(os.getloadavg()[0], 2), **sizes, **found}))


def timed(run: Callable[[], Any], count: int) -> dict[str, float]:
    """The best of a few runs, so that others on the machine count least."""
    walls, cpus = [], []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {
        "prompts_per_second": round(count / min(walls), 1),
        "seconds": round(min(walls), 4),
        "cpu_us_a_prompt": round(min(cpus) / count * 1e6, 1),
    }


def ours(vectors: np.ndarray, models: int) -> Callable[[], Any]:
    """The expected score of every model on every question."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from tests.feedback.routing.artifacts import write_embedding

    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        artifact = write_embedding(
            Path(folder) / "embedding",
            models=[f"Model {number}" for number in range(models)],
            vectors=rng.normal(size=(models, NUMBERS)),
            projection=features(DIMENSION, rng),
        )
        scorer = Scorer.load(artifact.path)
    return lambda: scorer.probabilities(vectors).argmax(axis=1)


def routellm(vectors: np.ndarray, models: int) -> dict[str, Callable[[], Any]]:
    """Its matrix factorisation, one prompt at a time, as it is made."""
    os.environ.setdefault("OPENAI_API_KEY", "none")
    module = importlib.import_module("routellm.routers.matrix_factorization.model")
    known = {str(number): vector.tolist() for number, vector in enumerate(vectors)}

    def create(input: list[str], model: str) -> SimpleNamespace:  # noqa: A002 - OpenAI's name
        return SimpleNamespace(data=[SimpleNamespace(embedding=known[input[0]])])

    module.OPENAI_CLIENT = SimpleNamespace(embeddings=SimpleNamespace(create=create))
    torch.manual_seed(0)
    model = module.MFModel(
        dim=128, num_models=models, text_dim=DIMENSION, num_classes=1, use_proj=True
    ).eval()
    everyone = list(range(models))

    def choose() -> None:
        with torch.no_grad():
            for prompt in known:
                model.forward(everyone, prompt).argmax()

    return {
        "routellm_pair": lambda: [model.pred_win_rate(0, 1, prompt) for prompt in known],
        "routellm_all": choose,
    }


def embedllm(vectors: np.ndarray, models: int) -> dict[str, Callable[[], Any]]:
    """Its evaluation as a router, on a table of made-up labels."""
    module = importlib.import_module("mf")
    count = len(vectors)
    torch.manual_seed(0)
    net = module.TextMF(torch.tensor(vectors), 232, 0.05, models, count, text_dim=DIMENSION)
    prompts = torch.arange(count).repeat_interleave(models)
    numbers = torch.arange(models).repeat(count)
    labels = torch.randint(0, 2, prompts.shape)
    loader, _, shares = module.create_router_dataloader([(numbers, prompts, labels)])

    def evaluate() -> None:
        with redirect_stdout(sys.stderr):
            module.evaluator_router(net, loader, ["cpu"], shares, models)

    return {"embedllm": evaluate}


if __name__ == "__main__":
    main()
