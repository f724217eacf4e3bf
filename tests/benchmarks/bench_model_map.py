"""Which distance of two models tells how alike they answer questions nobody trained on; by hand.

    python tests/benchmarks/bench_model_map.py --snapshot SNAPSHOT --artifact EMBEDDING

SNAPSHOT: outcomes of several models on the same questions (tests/benchmarks/mmlu_pro.py says how to
make one), EMBEDDING: trained on it. Prints one JSON object: over all pairs of models, the rank
correlation of each distance with how often the two differ in outcome on the validation and test
questions, and of its negative with the correlation of what is left of the outcomes after each
model's and each question's mean; how much of the differences the plane shows; processor seconds of
placing the models.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from trainers.data.snapshot import Snapshot
from trainers.encoding.encoder import Encoder
from trainers.model_map import behaviour_metric, coordinates, plane_share, read_map
from trainers.model_vectors.evidence import Evidence, read_evidence
from trainers.model_vectors.scorer import Scorer

Floats = NDArray[np.float64]


def main() -> None:
    """Measure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--snapshot", type=Path, required=True)
    options.add_argument("--artifact", type=Path, required=True)
    asked = options.parse_args()
    evidence = read_evidence(Snapshot.open(asked.snapshot))
    scorer = Scorer.load(asked.artifact)
    vectors = evidence.vectors(Encoder("all-MiniLM-L6-v2", max_tokens=256))
    held_out = outcomes(evidence, scorer.models)[
        np.concatenate([evidence.holdout.validation, evidence.holdout.test])
    ]
    held_out = held_out[~np.isnan(held_out).any(1)]
    z = scorer.features(vectors[evidence.holdout.train])
    before = time.process_time()
    placed = read_map(asked.artifact)
    seconds = time.process_time() - before
    found = {
        name: correlations(distance, held_out) for name, distance in distances(scorer, z).items()
    }
    print(
        json.dumps(
            {
                "models": len(scorer.models),
                "questions": len(held_out),
                "distances": found,
                "plane_share": plane_share(placed.coordinates),
                "placing_cpu_seconds": seconds,
            }
        )
    )


def outcomes(evidence: Evidence, models: tuple[str, ...]) -> Floats:
    """Outcomes (questions, models), NaN where not run."""
    table = np.full((len(evidence.prompts), len(models)), np.nan)
    column = np.array([models.index(model) for model in evidence.models])
    ran = evidence.outcomes
    table[ran.prompt, column[ran.model]] = ran.score
    return table


def distances(scorer: Scorer, z: Floats) -> dict[str, Floats]:
    """Each distance of all pairs, (pairs,), of the features (n, k) of the training questions."""
    p = scorer.vectors
    scores = 1.0 / (1.0 + np.exp(-(z @ p.T + scorer.offset)))
    level = z - z.mean(0)  # what a model is better at than its own mean
    return {
        "metric": pairs(coordinates(p, behaviour_metric(z, p, scorer.offset))),
        "metric_without_level": pairs(coordinates(p, behaviour_metric(level, p, 0.0))),
        "vectors": pairs(p),
        "cosine": pairs(p / np.linalg.norm(p, axis=1, keepdims=True)),
        "scores_themselves": pairs(scores.T / np.sqrt(len(z))),
    }


def pairs(points: Floats) -> Floats:
    """Euclidean distances of all pairs of points (M, k)."""
    first, second = np.triu_indices(len(points), 1)
    gaps: Floats = np.linalg.norm(points[first] - points[second], axis=1)
    return gaps


def correlations(distance: Floats, held_out: Floats) -> dict[str, float]:
    """With disagreement, and with the correlation of what the means do not explain."""
    rest = held_out - held_out.mean(0) - held_out.mean(1, keepdims=True)
    alike = np.corrcoef(rest.T)[np.triu_indices(held_out.shape[1], 1)]
    return {
        "disagreement": ranked(distance, np.square(pairs(held_out.T)) / len(held_out)),
        "residual_correlation": ranked(-distance, alike),
    }


def ranked(one: Floats, other: Floats) -> float:
    """Spearman's rank correlation."""
    ranks = [np.argsort(np.argsort(values)) for values in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


if __name__ == "__main__":
    main()
