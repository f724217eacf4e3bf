"""A model joins from 5, 20, 100, 500 outcomes, against training everything again; run by hand.

    python tests/benchmarks/bench_cold_start.py SNAPSHOT [--folds 5] [--all]

SNAPSHOT as mmlu_pro.py says. The models (those under 45 %, or with --all every one) are left out a
fold at a time; the embedding of the others is frozen, and each model left out joins from that many
outcomes on training questions. Beside it: the embedding trained anew with the fold's same few
outcomes (refit), and with all of them (full). Prints one JSON object with means over models on the
test questions: log-loss and AUC of the new model's outcomes, the routed score of the known models
with the new model, and CPU seconds. Under `calibration`: how honest the new model's posterior is.
"""

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import mmlu_pro
from trainers.data.holdout import Holdout
from trainers.embedding.config import EmbeddingConfig
from trainers.model_vectors.posterior import fit_new_model
from trainers.model_vectors.scorer import Scorer
from trainers.statistics.logistic import sigmoid
from trainers.statistics.measures import auc, row_log_loss

SIZES = (0, 5, 20, 100, 500)
WEAK = 0.45
REPEATS = 20  # draws of a new model's outcomes, for the share of intervals that cover
DRAWS = 1000  # from a posterior

Floats = NDArray[np.float64]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("snapshot", type=Path)
    options.add_argument("--folds", type=int, default=5)
    options.add_argument("--all", action="store_true")
    wanted = options.parse_args()
    config = EmbeddingConfig(device="cpu")
    data = mmlu_pro.read(wanted.snapshot, config)
    if not wanted.all:
        data = data.only(np.flatnonzero(np.nanmean(data.scores, 0) < WEAK))
    holdout = mmlu_pro.divided(len(data.texts), 0)
    found: dict[str, list[dict[str, float]]] = {}
    honest: dict[str, list[dict[str, float]]] = {}
    started = time.process_time()
    full = data.fitted(np.ones(data.scores.shape, bool), holdout, config)
    training = time.process_time() - started
    order = np.random.default_rng(0).permutation(len(data.models))
    for fold in np.array_split(order, wanted.folds):
        others = data.only(np.setdiff1d(np.arange(len(data.models)), fold))
        frozen = others.fitted(np.ones(others.scores.shape, bool), holdout, config)
        for name, rows in joined(data, holdout, np.sort(fold), frozen, full, config).items():
            found.setdefault(name, []).extend(rows)
        for name, rows in calibrated(data, holdout, fold, frozen).items():
            honest.setdefault(name, []).extend(rows)
    said: dict[str, Any] = {"models": len(data.models), "training_seconds": round(training, 1)}
    sys.stdout.write(
        json.dumps(said | {"means": averaged(found), "calibration": averaged(honest)}) + "\n"
    )


def averaged(found: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The mean of every measure, by name."""
    return {
        name: {key: round(float(np.mean([row[key] for row in rows])), 4) for key in rows[0]}
        for name, rows in found.items()
    }


def calibrated(
    data: mmlu_pro.MmluPro, holdout: Holdout, fold: mmlu_pro.Rows, frozen: Scorer
) -> dict[str, list[dict[str, float]]]:
    """Of every model of the fold, by the number of its outcomes: the log-loss of the posterior's
    centre and of sigma averaged over it, and whether the 95 % interval of its accuracy over the
    test questions covers the one observed.
    """
    rng = np.random.default_rng(0)
    found: dict[str, list[dict[str, float]]] = {}
    for model in np.repeat(fold, REPEATS).tolist():
        test = holdout.test[~np.isnan(data.scores[holdout.test, model])]
        z = frozen.features(data.vectors[test]).astype(np.float64)
        labels = data.scores[test, model]
        asked = rng.permutation(drawn(data, holdout, model, len(holdout.train)))
        for size in SIZES:
            rows = asked[:size]
            seen = frozen.outcome_observations(data.vectors[rows], data.scores[rows, model])
            vector, covariance = fit_new_model(seen, frozen.prior)
            draws = rng.multivariate_normal(vector, covariance, DRAWS)
            chances = sigmoid(draws @ z.T + frozen.offset)
            low, high = np.quantile(chances.mean(1), [0.025, 0.975])
            mean = chances.mean(0)
            found.setdefault(str(size), []).append(
                {
                    "log_loss_of_centre": log_loss(z @ vector + frozen.offset, labels),
                    "log_loss_averaged": log_loss(np.log(mean / (1.0 - mean)), labels),
                    "covered": float(low <= labels.mean() <= high),
                    "width": float(high - low),
                }
            )
    return found


def log_loss(logits: Floats, labels: Floats) -> float:
    """The mean of the rows'."""
    return float(row_log_loss(logits, labels).mean())


def joined(
    data: mmlu_pro.MmluPro,
    holdout: Holdout,
    fold: mmlu_pro.Rows,
    frozen: Scorer,
    full: Scorer,
    config: EmbeddingConfig,
) -> dict[str, list[dict[str, float]]]:
    """Every measure of every model of the fold, by how it joined."""
    others = np.setdiff1d(np.arange(len(data.models)), fold)
    test = holdout.test[~np.isnan(data.scores[holdout.test]).any(1)]
    found: dict[str, list[dict[str, float]]] = {}
    refits = {}
    for size in SIZES[1:]:
        seen = np.ones(data.scores.shape, bool)
        seen[holdout.train[:, None], fold] = False
        for model in fold:
            seen[drawn(data, holdout, model, size), model] = True
        refits[size] = data.fitted(seen, holdout, config)
    for model in fold:
        columns = [*others, model]
        add = partial(noted, found, data.vectors[test], data.scores[np.ix_(test, columns)])
        for size in SIZES:
            asked = drawn(data, holdout, model, size)
            started = time.process_time()
            sightings = frozen.outcome_observations(data.vectors[asked], data.scores[asked, model])
            vector, _ = fit_new_model(sightings, frozen.prior)
            seconds = time.process_time() - started
            add(f"joined {size}", np.vstack([frozen.vectors, vector]), frozen, seconds)
            if size:
                add(f"refit {size}", refits[size].vectors[columns], refits[size])
        add("full", full.vectors[columns], full)
        add("without", frozen.vectors, frozen)
    return found


def noted(
    found: dict[str, list[dict[str, float]]],
    questions: NDArray[np.float32],
    scores: Floats,
    name: str,
    vectors: Floats,
    scorer: Scorer,
    seconds: float = 0.0,
) -> None:
    """Measure these models' vectors on the test questions, under a name."""
    logits = scorer.features(questions) @ vectors.T + scorer.offset
    found.setdefault(name, []).append(measured(logits, scores) | {"seconds": seconds})


def drawn(data: mmlu_pro.MmluPro, holdout: Holdout, model: int, size: int) -> mmlu_pro.Rows:
    """Training questions that the model was run on; a larger draw holds the smaller ones."""
    ran = holdout.train[~np.isnan(data.scores[holdout.train, model])]
    return np.random.default_rng(model).permutation(ran)[:size]


def measured(logits: Floats, scores: Floats) -> dict[str, float]:
    """Of the last model's column, and of routing among all columns of the logits (n, m)."""
    best = logits.argmax(1)
    routed = float(scores[np.arange(len(scores)), best].mean())
    if logits.shape[1] < scores.shape[1]:
        return {"routed": routed, "chosen": 0.0, "log_loss": np.nan, "auc": np.nan}
    own, label = logits[:, -1], scores[:, -1]
    return {
        "routed": routed,
        "chosen": float((best == scores.shape[1] - 1).mean()),
        "log_loss": log_loss(own, label),
        "auc": auc(own, label)(np.ones(len(own))),
    }


if __name__ == "__main__":
    main()
