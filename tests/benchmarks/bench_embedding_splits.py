"""Routing MMLU-Pro: the platform's embedding against what one would use otherwise.

    python -m tests.benchmarks.bench_embedding_splits --snapshot SNAPSHOT [--seeds 0 1 2 3 4]
        [--pool low|all] [--division random|subject] [--methods platform embedllm knn logistic]

Five random divisions of the questions (80/10/10), or one a subject that is left out whole. Every
choice (the neighbours' k, the regressions' prior, an epoch) is made on validation, and then the
validation prompts teach too, in every method. Prints JSON: a row a method with its routed score,
AUC and log-loss, and how far the first is ahead of it.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.mmlu_pro import divided
from trainers.data.holdout import Holdout
from trainers.data.snapshot import Snapshot
from trainers.embedding.config import EmbeddingConfig
from trainers.embedding.fit import fit_embedding
from trainers.embedding.knn import knn_scores
from trainers.embedding.trials import Trials, observed_on
from trainers.encoding.encoder import Encoder
from trainers.model_vectors.evidence import Evidence, Outcomes, read_evidence
from trainers.model_vectors.posterior import Observations, Prior, fit_new_model
from trainers.statistics.logistic import sigmoid
from trainers.statistics.measures import auc, row_log_loss
from trainers.tuning.devices import make_deterministic, one_thread

Table = NDArray[np.float64]
Vectors = NDArray[np.float32]
Ints = NDArray[np.int64]
Method = Callable[[Evidence, Vectors], Table]

SPECIALISED = 0.45  # models below this accuracy make the pool in which no model leads everywhere
PRIORS = (1.0, 10.0, 100.0)  # variances that logistic regressions choose from


def embedding(method: str) -> Method:
    """Probabilities (P, M) of an embedding of this repository."""

    def scores(evidence: Evidence, vectors: Vectors) -> Table:
        config = EmbeddingConfig(method=method)  # type: ignore[arg-type]
        make_deterministic(config.seed)
        with one_thread():
            fitted, _ = fit_embedding(evidence, vectors, config, lambda *_: None)
        z = fitted.features(vectors).astype(np.float64)
        return sigmoid(z @ fitted.vectors.T + fitted.offset)

    return scores


def knn(evidence: Evidence, vectors: Vectors) -> Table:
    """The neighbours' means, k chosen by the routed score on validation; then all teach."""
    holdout = evidence.holdout
    seen = observed_on(evidence, "outcomes", vectors, holdout.train)
    tuning = Trials.of_outcomes(evidence, holdout.validation)
    tried = knn_scores(seen, vectors[tuning.prompts])
    k = max(tried, key=lambda k: tuning.routed(tried[k]).mean())
    both = observed_on(evidence, "outcomes", vectors, holdout.train_and_validation)
    scores = np.full((len(vectors), len(evidence.models)), 0.5)
    scores[holdout.test] = knn_scores(both, vectors[holdout.test])[k]
    return np.clip(scores, 1e-3, 1 - 1e-3)


def logistic(evidence: Evidence, vectors: Vectors) -> Table:
    """A logistic regression a model on the vector, its prior chosen by validation log-loss."""
    inputs = np.hstack([np.ones((len(vectors), 1)), vectors.astype(np.float64)])
    validation = evidence.outcomes.on(evidence.holdout.validation)

    def fitted(variance: float, taught: Outcomes) -> Table:
        prior = Prior(np.zeros(inputs.shape[1]), variance * np.eye(inputs.shape[1]))
        columns = []
        for model in range(len(evidence.models)):
            mine = taught.model == model
            none, ones = np.zeros(mine.sum()), np.ones(mine.sum())
            seen = Observations(
                features=inputs[taught.prompt[mine]],
                known=none,
                score=taught.score[mine],
                weight=ones,
            )
            columns.append(inputs @ fit_new_model(seen, prior)[0])
        return np.stack(columns, 1)

    def loss(variance: float) -> float:
        logits = fitted(variance, evidence.outcomes.on(evidence.holdout.train))
        rows = logits[validation.prompt, validation.model]
        return float(row_log_loss(rows, validation.score).mean())

    both = evidence.outcomes.on(evidence.holdout.train_and_validation)
    return sigmoid(fitted(min(PRIORS, key=loss), both))


def single(evidence: Evidence, vectors: Vectors) -> Table:
    """Every model's training mean."""
    seen = observed_on(evidence, "outcomes", vectors, evidence.holdout.train_and_validation)
    return np.broadcast_to(seen.means, (len(vectors), len(evidence.models)))


METHODS: dict[str, Method] = {
    "platform": embedding("platform"),
    "embedllm": embedding("embedllm"),
    "knn": knn,
    "logistic": logistic,
    "best_single": single,
}


def measured(evidence: Evidence, scores: Table) -> dict[str, Table]:
    """Of the test split: the routed score of every prompt, AUC and log-loss of every outcome."""
    trials = Trials.of_outcomes(evidence, evidence.holdout.test)
    logits = np.log(scores / (1 - scores))[trials.prompts]
    rows = trials.logits(logits)
    return {
        "routed": trials.routed(logits),
        "random": trials.random(),
        "oracle": trials.oracle(),
        "auc": np.array([auc(rows, trials.label)(np.ones(len(rows)))]),
        "log_loss": np.array([row_log_loss(rows, trials.label).mean()]),
    }


def of_models(evidence: Evidence, models: Ints) -> Evidence:
    """The outcomes of some models."""
    number = np.full(len(evidence.models), -1)
    number[models] = np.arange(len(models))
    ran = evidence.outcomes
    rows = number[ran.model] >= 0
    return replace(
        evidence,
        models=[evidence.models[model] for model in models],
        families=[evidence.families[model] for model in models],
        outcomes=Outcomes(
            prompt=ran.prompt[rows], model=number[ran.model[rows]], score=ran.score[rows]
        ),
    )


def divisions(evidence: Evidence, kind: str, seeds: list[int]) -> dict[str, Holdout]:
    """Random ones by seed, or those that test on one subject and train on the others."""
    if kind == "random":
        return {str(seed): divided(len(evidence.prompts), seed) for seed in seeds}
    subject = np.array([topics[0] for topics in evidence.topics])
    found = {}
    for name in np.unique(subject):
        others = np.random.default_rng(0).permutation(np.flatnonzero(subject != name))
        tenth = len(others) // 10
        found[str(name)] = Holdout(
            train=np.sort(others[tenth:]),
            validation=np.sort(others[:tenth]),
            test=np.flatnonzero(subject == name),
        )
    return found


def interval(values: Table) -> list[float]:
    """95 % of a mean, by the normal, (2,)."""
    half = 1.96 * values.std() / np.sqrt(len(values))
    return [round(float(values.mean() - half), 4), round(float(values.mean() + half), 4)]


def table(found: dict[str, list[dict[str, Table]]]) -> list[dict[str, object]]:
    """A row a method: means over the divisions; intervals over their test prompts, paired."""
    first = next(iter(found))
    ours = np.concatenate([part["routed"] for part in found[first]])
    rows: list[dict[str, object]] = []
    for name, parts in found.items():
        routed = np.concatenate([part["routed"] for part in parts])
        by_division = [float(part["routed"].mean()) for part in parts]
        rows.append(
            {
                "method": name,
                "routed_score": round(float(np.mean(by_division)), 4),
                "by_division": [round(score, 4) for score in by_division],
                "auc": round(float(np.mean([part["auc"][0] for part in parts])), 4),
                "log_loss": round(float(np.mean([part["log_loss"][0] for part in parts])), 4),
                f"{first}_ahead_by": round(float((ours - routed).mean()), 4),
                f"{first}_ahead_by_ci": interval(ours - routed),
            }
        )
    return rows


def main() -> None:
    """Fit, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snapshot", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--pool", choices=["low", "all"], default="low")
    parser.add_argument("--division", choices=["random", "subject"], default="random")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    arguments = parser.parse_args()
    evidence = read_evidence(Snapshot.open(arguments.snapshot))
    vectors = evidence.vectors(Encoder())
    ran, count = evidence.outcomes, len(evidence.models)
    accuracy = np.bincount(ran.model, ran.score, count) / np.bincount(ran.model, minlength=count)
    chosen = accuracy < SPECIALISED if arguments.pool == "low" else accuracy >= 0
    pool = of_models(evidence, np.flatnonzero(chosen))
    found: dict[str, list[dict[str, Table]]] = {name: [] for name in arguments.methods}
    seconds = dict.fromkeys(arguments.methods, 0.0)
    for label, holdout in divisions(evidence, arguments.division, arguments.seeds).items():
        split = replace(pool, holdout=holdout)
        for name in arguments.methods:
            started = time.process_time()
            found[name].append(measured(split, METHODS[name](split, vectors)))
            seconds[name] += time.process_time() - started
            print(label, name, found[name][-1]["routed"].mean(), file=sys.stderr)
    parts = found[arguments.methods[0]]
    report = {
        "pool": arguments.pool,
        "division": arguments.division,
        "models": len(pool.models),
        "test_prompts": int(sum(len(part["routed"]) for part in parts)),
        "random": round(float(np.mean([part["random"].mean() for part in parts])), 4),
        "oracle": round(float(np.mean([part["oracle"].mean() for part in parts])), 4),
        "cpu_seconds": {name: round(value, 1) for name, value in seconds.items()},
        "rows": table(found),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
