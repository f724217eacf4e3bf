"""Training the embedding at the size of the EmbedLLM data: 112 models x 36,000 prompts.

    python -m tests.benchmarks.bench_embedding_scale [--models 112] [--prompts 36000]

Synthetic: unit vectors, a rank-8 logit model, every model run on every prompt; the vectors are
given, so nothing is encoded. Prints JSON: seconds on the wall and of the CPU, and the peak memory.
"""

import argparse
import json
import resource
import time

import numpy as np
from numpy.typing import NDArray

from trainers.data.holdout import Holdout
from trainers.embedding.config import EmbeddingConfig
from trainers.embedding.evaluate import held_out_metrics
from trainers.embedding.fit import fit_embedding
from trainers.embedding.train import scorer_tensors
from trainers.model_vectors.evidence import Evidence, Outcomes, PairwiseComparisons
from trainers.model_vectors.scorer import Scorer
from trainers.tuning.devices import make_deterministic, one_thread

DIMENSION = 384  # of the packaged encoder
RANK = 8
NONE = np.empty(0, np.int64)


def synthetic(models: int, prompts: int) -> tuple[Evidence, NDArray[np.float32]]:
    """Outcomes of every model on every prompt, and the prompts' vectors."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(prompts, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    skills = rng.normal(size=(RANK, models)) / np.sqrt(RANK)
    logits = 4.0 * (vectors @ rng.normal(size=(DIMENSION, RANK))) @ skills
    right = rng.random(logits.shape) < 1.0 / (1.0 + np.exp(-logits))
    prompt, model = np.divmod(np.arange(right.size), models)
    rows = np.arange(prompts)
    evidence = Evidence(
        prompts=[f"q{row}" for row in rows],
        texts=["text"] * prompts,
        models=[f"m{number:03d}" for number in range(models)],
        outcomes=Outcomes(prompt=prompt, model=model, score=right.ravel().astype(np.float64)),
        comparisons=PairwiseComparisons(
            prompt=NONE, first=NONE, second=NONE, label=np.empty(0), weight=np.empty(0)
        ),
        holdout=Holdout(
            train=rows[rows % 10 < 8], validation=rows[rows % 10 == 8], test=rows[rows % 10 == 9]
        ),
    )
    return evidence, vectors


def spent() -> tuple[float, float]:
    """Seconds on the wall and of the CPU, all threads."""
    return time.perf_counter(), time.process_time()


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=112)
    parser.add_argument("--prompts", type=int, default=36_000)
    arguments = parser.parse_args()
    evidence, vectors = synthetic(arguments.models, arguments.prompts)
    config = EmbeddingConfig(device="cpu")
    make_deterministic(config.seed)
    started = spent()
    with one_thread():
        fitted, epoch = fit_embedding(evidence, vectors, config, lambda *_: None)
    trained = spent()
    tensors = scorer_tensors(fitted, evidence, vectors)
    believed = spent()
    scorer = Scorer.of(tensors, evidence.models, "synthetic")
    metrics = held_out_metrics(evidence, vectors, scorer)
    measured = spent()
    report = {
        "models": arguments.models,
        "prompts": arguments.prompts,
        "epoch": epoch,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "auc": metrics["auc"],
        "routed_score": metrics["routed_score"],
    }
    steps = {"fit": (started, trained), "posterior": (trained, believed)}
    for name, (before, after) in {**steps, "evaluate": (believed, measured)}.items():
        report[f"{name}_seconds"] = round(after[0] - before[0], 1)
        report[f"{name}_cpu_seconds"] = round(after[1] - before[1], 1)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
