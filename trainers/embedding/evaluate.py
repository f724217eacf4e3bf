"""How good an embedding is on the test split of a snapshot, and at routing its prompts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from trainers.arrays import Floats, Floats32
from trainers.artifacts import Artifact
from trainers.data.snapshot import Snapshot
from trainers.embedding.config import EMBEDDING
from trainers.embedding.knn import knn_scores
from trainers.embedding.trials import Trials, basis_of, observed_on, trials_on
from trainers.encoding.encoder import Encoder
from trainers.model_vectors.evidence import Evidence, read_evidence
from trainers.model_vectors.scorer import Scorer
from trainers.off_policy.router import (
    RouterEvaluation,
    evaluate_router,
    router_metrics,
    router_table,
)
from trainers.statistics.measures import (
    auc,
    cluster_means,
    row_accuracy,
    row_log_loss,
    with_intervals,
)


def evaluate(artifact: Artifact, snapshot: Snapshot) -> dict[str, Any]:
    """Return the metrics of the artifact's card, on the test split of another snapshot.

    What it is worth as a router is also judged by the decisions taken since it was made.
    """
    return {
        **held_out_metrics(*_opened(artifact, snapshot)),
        **router_metrics(_as_router(artifact, snapshot)),
    }


def evaluate_decisions(artifact: Artifact, snapshot: Snapshot) -> pa.Table:
    """Return what every logged decision that the artifact has not seen says of it as a router."""
    return router_table(_as_router(artifact, snapshot))


def evaluate_prompts(artifact: Artifact, snapshot: Snapshot) -> pa.Table:
    """Return `score` (minus the mean log-loss, in nats) and `n` (rows) of every test prompt.

    What a promotion gate compares two embeddings by, in a paired bootstrap over prompts. A model
    that the embedding does not know is predicted to be an average one.
    """
    evidence, vectors, scorer = _opened(artifact, snapshot)
    trials = trials_on(evidence, basis_of(evidence), evidence.holdout.test)
    logits = trials.logits(_model_scores(scorer, evidence, vectors[trials.prompts]))
    # Never 0: `trials.prompts` are those that have a row.
    n = np.bincount(trials.prompt)
    score = -np.bincount(trials.prompt, row_log_loss(logits, trials.label)) / n
    names = [evidence.prompts[prompt] for prompt in trials.prompts]
    return pa.table({"prompt_id": names, "score": score, "n": n})


def held_out_metrics(evidence: Evidence, vectors: Floats32, scorer: Scorer) -> dict[str, Any]:
    """Return the metrics of the contract, each with an interval from resampled prompts.

    vectors: [P, d] of the evidence's prompts.

    auc, log_loss and accuracy are of the rows of the trials, the *_score of their units. Where
    there are both outcomes and comparisons, the comparisons' measures come as preference_*.
    """
    basis = basis_of(evidence)
    trials = trials_on(evidence, basis, evidence.holdout.test)
    scores = _model_scores(scorer, evidence, vectors[trials.prompts])
    statistics = _statistics(trials, scores, _baselines(evidence, vectors, trials))
    # The statistics take weights of prompts, not of rows: each prompt is its own cluster.
    metrics = with_intervals(statistics, np.arange(len(trials.prompts)))
    counts = {"n": len(trials.label), "n_prompts": len(trials.prompts), "basis": basis}
    extra = _preference_metrics(evidence, vectors, scorer) if basis == "outcomes" else {}
    return {**metrics, **counts, **extra}


@dataclass(frozen=True, slots=True, kw_only=True)
class Baselines:
    """What one would use otherwise: every model's mean, and the neighbours' scores.

    means       expected scores [p, M], alike on every prompt
    knn_rows    accuracy of the neighbours on each row, [n]
    knn_routed  observed score of each unit's candidate that the neighbours prefer, [units]
    """

    means: Floats
    knn_rows: Floats
    knn_routed: Floats


def _baselines(evidence: Evidence, vectors: Floats32, trials: Trials) -> Baselines:
    """Return baselines that know what the embedding knows.

    Each k is tuned on the validation prompts, then training and validation prompts are the
    neighbours: the embedding learns from both, too.
    """
    basis = basis_of(evidence)
    seen = observed_on(evidence, basis, vectors, evidence.holdout.train)
    tuning = trials_on(evidence, basis, evidence.holdout.validation)
    tried = knn_scores(seen, vectors[tuning.prompts])
    observed = observed_on(evidence, basis, vectors, evidence.holdout.train_and_validation)
    near = knn_scores(observed, vectors[trials.prompts])

    def best(quality: Callable[[Floats], float]) -> Floats:
        tuned = max(tried, key=lambda k: quality(tried[k]))  # of equals the smallest k
        return near[min(near, key=lambda k: abs(k - tuned))]  # all of few prompts are more now

    by_row = best(lambda scores: float(row_accuracy(_centred(tuning, scores), tuning.label).mean()))
    by_unit = best(lambda scores: float(tuning.routed(scores).mean()))
    means = np.broadcast_to(observed.means, (len(trials.prompts), len(evidence.models)))
    return Baselines(
        means=means,
        knn_rows=row_accuracy(_centred(trials, by_row), trials.label),
        knn_routed=trials.routed(by_unit),
    )


def _centred(trials: Trials, scores: Floats) -> Floats:
    """Return rows' logits [n] from expected scores [p, M] in [0, 1]: one half is undecided."""
    return trials.logits(scores - 0.5)


def _statistics(
    trials: Trials, scores: Floats, baselines: Baselines
) -> Callable[[Floats], Mapping[str, float]]:
    """Return the function from weights of the prompts [p] to every metric.

    scores: logits [p, M]. What a resample of prompts changes is only weights, so that sums within
    a prompt are taken once.
    """
    logits, label = trials.logits(scores), trials.label
    # Finite: `Observed.means` keeps off 0 and 1.
    by_model = trials.logits(np.log(baselines.means / (1.0 - baselines.means)))
    rows = {
        "log_loss": row_log_loss(logits, label),
        "accuracy": row_accuracy(logits, label),
        "model_mean_log_loss": row_log_loss(by_model, label),
        "model_mean_accuracy": row_accuracy(by_model, label),
        "knn_accuracy": baselines.knn_rows,
    }
    routed, single = trials.routed(scores), trials.routed(baselines.means)
    units = {
        "routed_score": routed,
        "best_single_score": single,
        # Paired by unit: what is easy for both routers does not widen the interval.
        "routed_gain": routed - single,
        "random_score": trials.random(),
        "oracle_score": trials.oracle(),
        "knn_routed_score": baselines.knn_routed,
    }
    of_rows = cluster_means(rows, trials.prompt)
    of_units = cluster_means(units, trials.unit_prompt)
    area = _auc(trials, logits)

    def statistics(weights: Floats) -> Mapping[str, float]:
        return {"auc": area(weights[trials.prompt]), **of_rows(weights), **of_units(weights)}

    return statistics


def _auc(trials: Trials, logits: Floats) -> Callable[[Floats], float]:
    """Return the AUC of rows with logits [n] as a function of the rows' weights.

    Comparisons enter in both orders, so that which model is called first means nothing.
    """
    if (trials.second < 0).all():
        return auc(logits, trials.label)
    # Turned round, s becomes -s and y becomes 1 - y.
    both = np.concatenate([trials.label, 1.0 - trials.label])
    area = auc(np.concatenate([logits, -logits]), both)
    return lambda weights: area(np.tile(weights, 2))


def _preference_metrics(evidence: Evidence, vectors: Floats32, scorer: Scorer) -> dict[str, Any]:
    """Return the measures of comparisons beside outcomes; none without test comparisons."""
    trials = trials_on(evidence, "preferences", evidence.holdout.test)
    if not len(trials.label):
        return {}
    logits = trials.logits(_model_scores(scorer, evidence, vectors[trials.prompts]))
    prompts = evidence.holdout.train_and_validation
    means = observed_on(evidence, "preferences", vectors, prompts).means
    by_model = np.broadcast_to(np.log(means / (1.0 - means)), (len(trials.prompts), len(means)))
    baseline = row_log_loss(trials.logits(by_model), trials.label)
    return {
        "preference_accuracy": float(row_accuracy(logits, trials.label).mean()),
        "preference_log_loss": float(row_log_loss(logits, trials.label).mean()),
        "preference_mean_log_loss": float(baseline.mean()),
        "preference_n": len(logits),
    }


def _model_scores(scorer: Scorer, evidence: Evidence, vectors: Floats32) -> Floats:
    """Return logits [n, M] of the evidence's models; a new one has its prior's mean."""
    # [n, k] @ [k, M]
    logits: Floats = scorer.features(vectors) @ scorer.means(evidence.models).T + scorer.offset
    return logits


def _as_router(artifact: Artifact, snapshot: Snapshot) -> dict[str, RouterEvaluation]:
    """Return what the decisions that the artifact has not seen say of it, by their kind."""
    made = datetime.fromisoformat(artifact.card["created_at"])
    scorer = Scorer.load(artifact.path)
    return evaluate_router(scorer, snapshot, _encoder(artifact).encode, after=made)


def _opened(artifact: Artifact, snapshot: Snapshot) -> tuple[Evidence, Floats32, Scorer]:
    """Return the snapshot's evidence, its prompts' vectors [P, d], and the artifact's scorer."""
    evidence = read_evidence(snapshot)
    return evidence, evidence.vectors(_encoder(artifact)), Scorer.load(artifact.path)


def _encoder(artifact: Artifact) -> Encoder:
    """Return the encoder that the artifact was trained with."""
    config = EMBEDDING.stored(artifact.card["config"])
    return Encoder(config.model_name_or_path, max_tokens=config.max_length)
