"""Training a model embedding from a snapshot: fit, posteriors, forecasts, one artifact."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from trainers.arrays import Floats, Floats32, Ints
from trainers.artifacts import Artifact, write_artifact
from trainers.data.snapshot import Snapshot
from trainers.embedding.config import EmbeddingConfig
from trainers.embedding.evaluate import held_out_metrics
from trainers.embedding.fit import fit_embedding
from trainers.embedding.result import TrainingResult
from trainers.encoding.encoder import Encoder
from trainers.forecast.assess import benchmark_reports
from trainers.forecast.reports import write_reports
from trainers.model_map import behaviour_metric
from trainers.model_vectors.evidence import Evidence, read_evidence
from trainers.model_vectors.posterior import covariance, prior_of
from trainers.model_vectors.scorer import LAYOUT, TENSORS, Scorer
from trainers.off_policy.router import evaluate_router, router_metrics
from trainers.progress import Progress
from trainers.settings.config import as_json
from trainers.statistics.logistic import sigmoid
from trainers.tuning.devices import make_deterministic, one_thread

Tensors = dict[str, NDArray[Any]]


def train(snapshot: Snapshot, out: Path, config: EmbeddingConfig, progress: Progress) -> Artifact:
    """Fit the embedding on outcomes and comparisons together, measure it, write the artifact.

    The same snapshot, config, code and seed give the same files on the same machine.
    """
    progress.plan({"encode": 12, "train": 6, "evaluate": 2})
    make_deterministic(config.seed)
    evidence = read_evidence(snapshot)
    encoder = Encoder(config.model_name_or_path, max_tokens=config.max_length, device=config.device)
    vectors = evidence.vectors(encoder, partial(progress.report, "encode"))

    def report(epoch: int, epochs: int, score: float) -> None:
        progress.report("train", epoch, epochs, validation_log_loss=score)

    # One thread: sums in parallel come in another order each time, and the digest with them.
    with one_thread():
        fitted, epochs = fit_embedding(evidence, vectors, config, report)
    progress.report("evaluate", 0, 1)
    tensors = scorer_tensors(fitted, evidence, vectors)
    scorer = Scorer.of(tensors, evidence.models, encoder.name, evidence.families)
    logged = evaluate_router(scorer, snapshot, encoder.encode)
    reports = benchmark_reports(snapshot, evidence, vectors, scorer)
    card = {
        "snapshot_digest": snapshot.digest,
        "config": as_json(config),
        "seed": config.seed,
        "metrics": {**held_out_metrics(evidence, vectors, scorer), **router_metrics(logged)},
        "layout": LAYOUT,
        "models": evidence.models,
        "families": list(evidence.families),
        "encoder": {"name": encoder.name, "fingerprint": encoder.fingerprint},
        "dimension": scorer.vectors.shape[1],
        "training": {"epochs": epochs, "prompts": len(evidence.holdout.train)},
    }

    def write_files(folder: Path) -> None:
        save_file(tensors, folder / TENSORS)
        write_reports(folder, reports)

    artifact = write_artifact(out, kind="embedding", card_fields=card, write_files=write_files)
    progress.report("evaluate", 1, 1)
    return artifact


def scorer_tensors(fitted: TrainingResult, evidence: Evidence, vectors: Floats32) -> Tensors:
    """Return the artifact's arrays: the model, the models' counts, prior and posteriors.

    vectors: [P, d] of the prompts. A model without training evidence is put at the prior.
    """
    # A copy, since unseen models' rows are overwritten below.
    vectors_of, offset = fitted.vectors.copy(), fitted.offset  # [M, k]
    z = fitted.features(vectors).astype(np.float64)
    rows = _curvatures(evidence, vectors_of, z, offset)
    counts = np.bincount(rows.model, minlength=len(vectors_of))
    prior = prior_of(vectors_of, counts)
    vectors_of[counts == 0] = prior.mean
    # Rows of each model, found by one sort: a search per model would cost models x rows.
    parts = np.split(np.argsort(rows.model, kind="stable"), np.cumsum(counts)[:-1])
    spread = [covariance(z[rows.prompt[part]], rows.curvature[part], prior) for part in parts]
    arrays = {
        **fitted.features.tensors(),
        "models": vectors_of,
        "c0": np.array(offset),
        "covariance": np.stack(spread),
        "prior_mean": prior.mean,
        "prior_covariance": prior.covariance,
        "metric": behaviour_metric(z[evidence.holdout.train], vectors_of[counts > 0], offset),
    }
    # float32 halves the artifact; C order, because safetensors writes memory as it lies.
    narrow = {name: np.asarray(a, np.float32, order="C") for name, a in arrays.items()}
    return {**narrow, "counts": counts.astype(np.int64)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Curvatures:
    """The log-loss's second derivative at every observation that was trained on; [n] each."""

    model: Ints
    prompt: Ints
    curvature: Floats


def _curvatures(evidence: Evidence, models: Floats, z: Floats, offset: float) -> Curvatures:
    """Return the curvatures at models' vectors p [M, k] and prompts' features z [P, k].

    A comparison is an observation of both its models, each with the other's vector taken as known,
    so that the posterior of each model stands alone.
    """
    prompts = evidence.holdout.train_and_validation
    ran, compared = evidence.outcomes.on(prompts), evidence.comparisons.on(prompts)
    logits = z @ models.T + offset
    single = logits[ran.prompt, ran.model]
    gap = logits[compared.prompt, compared.first] - logits[compared.prompt, compared.second]
    # sigma' is even: a comparison has one curvature, whichever side it is seen from.
    paired = compared.weight * _curvature(gap)
    return Curvatures(
        model=np.concatenate([ran.model, compared.first, compared.second]),
        prompt=np.concatenate([ran.prompt, compared.prompt, compared.prompt]),
        curvature=np.concatenate([_curvature(single), paired, paired]),
    )


def _curvature(logits: Floats) -> Floats:
    """Return sigma'(s) = sigma(s) (1 - sigma(s)) of logits."""
    probability = sigmoid(logits)
    return probability * (1.0 - probability)
