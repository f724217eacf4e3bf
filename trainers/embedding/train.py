"""Training a model embedding from a snapshot."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from trainers.artifacts import Artifact, write_artifact
from trainers.devices import make_deterministic, one_thread
from trainers.embedding.config import Config
from trainers.embedding.data import Evidence, read_evidence
from trainers.embedding.evaluate import held_out_metrics
from trainers.embedding.fit import fit_embedding
from trainers.embedding.model import EmbedLLM
from trainers.embedding.posterior import covariance, prior_of, sigmoid
from trainers.embedding.score import TENSORS, Scorer
from trainers.encoder import Encoder
from trainers.progress import Progress
from trainers.snapshot import Snapshot

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
        model, epochs = fit_embedding(evidence, vectors, config, report)
    progress.report("evaluate", 0, 1)
    tensors = scorer_tensors(model, evidence, vectors)
    scorer = Scorer.of(tensors, evidence.models, encoder.name)
    card = {
        "snapshot_digest": snapshot.digest,
        "config": asdict(config),
        "seed": config.seed,
        "metrics": held_out_metrics(evidence, vectors, scorer),
        "models": evidence.models,
        "encoder": {"name": encoder.name, "fingerprint": encoder.fingerprint},
        "dimension": config.dimension,
        "training": {"epochs": epochs, "prompts": len(evidence.holdout.train)},
    }
    artifact = write_artifact(
        out,
        kind="embedding",
        card_fields=card,
        write_files=lambda folder: save_file(tensors, folder / TENSORS),
    )
    progress.report("evaluate", 1, 1)
    return artifact


def scorer_tensors(model: EmbedLLM, evidence: Evidence, vectors: Vectors) -> Tensors:
    """What the artifact holds: the model, the models' counts, prior and posterior covariances.

    A model without training evidence is put at the prior.
    """
    own = {name: value.double().cpu().numpy() for name, value in model.tensors().items()}
    z = (vectors @ own["W"].T + own["b"]) * own["C"]
    seen = _sightings(evidence, own["models"], z, float(own["c0"]))
    counts = np.bincount(seen.model, minlength=len(own["models"]))
    prior = prior_of(own["models"], counts)
    own["models"][counts == 0] = prior.mean
    parts = np.split(np.argsort(seen.model, kind="stable"), np.cumsum(counts)[:-1])
    spread = [covariance(z[seen.prompt[part]], seen.curvature[part], prior) for part in parts]
    arrays = {
        **own,
        "covariance": np.stack(spread),
        "prior_mean": prior.mean,
        "prior_variance": prior.variance,
    }
    narrow = {name: np.asarray(a, np.float32, order="C") for name, a in arrays.items()}
    return {**narrow, "counts": counts.astype(np.int64)}


@dataclass(frozen=True, slots=True)
class Sightings:
    """Every training observation of a model on a prompt, and how it bends the log-loss; (n,)."""

    model: NDArray[np.int64]
    prompt: NDArray[np.int64]
    curvature: Floats


def _sightings(evidence: Evidence, models: Floats, z: Floats, offset: float) -> Sightings:
    """A duel is a sighting of both its models, each with the other's vector taken as known.

    So the posterior of each model stands alone: p is (M, k), the questions' features z are (P, k).
    """
    ran = evidence.outcomes.on(evidence.holdout.train)
    fought = evidence.duels.on(evidence.holdout.train)
    single = (models[ran.model] * z[ran.prompt]).sum(1) + offset
    gap = ((models[fought.first] - models[fought.second]) * z[fought.prompt]).sum(1)
    bend = fought.weight * _curvature(gap)
    return Sightings(
        model=np.concatenate([ran.model, fought.first, fought.second]),
        prompt=np.concatenate([ran.prompt, fought.prompt, fought.prompt]),
        curvature=np.concatenate([_curvature(single), bend, bend]),
    )


def _curvature(logits: Floats) -> Floats:
    probability = sigmoid(logits)
    return probability * (1.0 - probability)
