"""Training a model embedding from a snapshot."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from trainers.artifacts import Artifact, write_artifact
from trainers.data.snapshot import Snapshot
from trainers.embedding.config import Config
from trainers.embedding.data import Evidence, read_evidence
from trainers.embedding.evaluate import held_out_metrics
from trainers.embedding.fit import fit_embedding
from trainers.embedding.fitted import Fitted
from trainers.embedding.posterior import covariance, prior_of, sigmoid
from trainers.embedding.score import LAYOUT, TENSORS, Scorer
from trainers.encoding.encoder import Encoder
from trainers.forecast.assess import benchmark_reports
from trainers.forecast.reports import write_reports
from trainers.model_map import behaviour_metric
from trainers.off_policy.router import router_judged, router_metrics
from trainers.progress import Progress
from trainers.tuning.devices import make_deterministic, one_thread

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
Tensors = dict[str, NDArray[Any]]


def train(snapshot: Snapshot, out: Path, config: Config, progress: Progress) -> Artifact:
    """Fit the embedding on outcomes and comparisons together, measure it, write the artifact.

    The same snapshot, config, code and seed give the same files on the same machine.
    """
    progress.plan({"encode": 12, "train": 6, "evaluate": 2})
    make_deterministic(config.seed)
    evidence = read_evidence(snapshot)
    encoder = Encoder(config.encoder, max_tokens=config.max_tokens, device=config.device)
    vectors = evidence.vectors(encoder, partial(progress.report, "encode"))

    def report(epoch: int, epochs: int, score: float) -> None:
        progress.report("train", epoch, epochs, validation_log_loss=score)

    with one_thread():
        fitted, epochs = fit_embedding(evidence, vectors, config, report)
    progress.report("evaluate", 0, 1)
    tensors = scorer_tensors(fitted, evidence, vectors)
    scorer = Scorer.of(tensors, evidence.models, encoder.name, evidence.families)
    routed = router_judged(scorer, snapshot, encoder.encode)
    reports = benchmark_reports(snapshot, evidence, vectors, scorer)
    card = {
        "snapshot_digest": snapshot.digest,
        "config": asdict(config),
        "seed": config.seed,
        "metrics": {**held_out_metrics(evidence, vectors, scorer), **router_metrics(routed)},
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


def scorer_tensors(fitted: Fitted, evidence: Evidence, vectors: Vectors) -> Tensors:
    """What the artifact holds: the model, the models' counts, prior and posterior covariances.

    A model without training evidence is put at the prior.
    """
    vectors_of, offset = fitted.vectors.copy(), fitted.offset
    z = fitted.features(vectors).astype(np.float64)
    seen = _sightings(evidence, vectors_of, z, offset)
    counts = np.bincount(seen.model, minlength=len(vectors_of))
    prior = prior_of(vectors_of, counts)
    vectors_of[counts == 0] = prior.mean
    parts = np.split(np.argsort(seen.model, kind="stable"), np.cumsum(counts)[:-1])
    spread = [covariance(z[seen.prompt[part]], seen.curvature[part], prior) for part in parts]
    arrays = {
        **fitted.features.tensors(),
        "models": vectors_of,
        "c0": np.array(offset),
        "covariance": np.stack(spread),
        "prior_mean": prior.mean,
        "prior_covariance": prior.covariance,
        "metric": behaviour_metric(z[evidence.holdout.train], vectors_of[counts > 0], offset),
    }
    narrow = {name: np.asarray(a, np.float32, order="C") for name, a in arrays.items()}
    return {**narrow, "counts": counts.astype(np.int64)}


@dataclass(frozen=True, slots=True)
class Sightings:
    """Every observation of a model on a prompt that taught, and how it bends the log-loss; (n,)."""

    model: NDArray[np.int64]
    prompt: NDArray[np.int64]
    curvature: Floats


def _sightings(evidence: Evidence, models: Floats, z: Floats, offset: float) -> Sightings:
    """A duel is a sighting of both its models, each with the other's vector taken as known.

    So the posterior of each model stands alone: p is (M, k), the questions' features z are (P, k).
    """
    rows = evidence.holdout.taught
    ran, fought = evidence.outcomes.on(rows), evidence.duels.on(rows)
    logits = z @ models.T + offset
    single = logits[ran.prompt, ran.model]
    gap = logits[fought.prompt, fought.first] - logits[fought.prompt, fought.second]
    bend = fought.weight * _curvature(gap)
    return Sightings(
        model=np.concatenate([ran.model, fought.first, fought.second]),
        prompt=np.concatenate([ran.prompt, fought.prompt, fought.prompt]),
        curvature=np.concatenate([_curvature(single), bend, bend]),
    )


def _curvature(logits: Floats) -> Floats:
    probability = sigmoid(logits)
    return probability * (1.0 - probability)
