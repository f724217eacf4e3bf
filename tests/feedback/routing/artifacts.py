"""The promotion of embedding artifacts of made-up numbers."""

from pathlib import Path

import numpy as np

from feedback.people.models import Contributor
from feedback.training.models import Checkpoint, CheckpointState, Kind, TrainingRun
from feedback.training.promotion.services import checkpoint_promote
from tests.trainers.embeddings import write_embedding
from trainers.artifacts import Artifact


def promote(artifact: Artifact) -> Checkpoint:
    """A checkpoint of the artifact, live."""
    known = Checkpoint.objects.filter(kind=Kind.EMBEDDING)
    known.update(state=CheckpointState.REPLACED)
    run = TrainingRun.objects.create(kind=Kind.EMBEDDING, config_digest="c", code_version="1")
    return Checkpoint.objects.create(
        run=run,
        kind=Kind.EMBEDDING,
        version=known.count() + 1,
        path=str(artifact.path),
        digest=artifact.card["digest"],
        files={},
        state=CheckpointState.LIVE,
    )


def promoted(
    folder: Path, actor: Contributor, places: dict[str, list[float]], seen: list[int] | None = None
) -> Checkpoint:
    """An embedding with these vectors, promoted by the service that promotes."""
    number = Checkpoint.objects.count() + 1
    artifact = write_embedding(
        folder / str(number),
        models=list(places),
        vectors=np.array(list(places.values())),
        projection=np.eye(len(next(iter(places.values())))),
        counts=seen,
    )
    run = TrainingRun.objects.create(kind=Kind.EMBEDDING, config_digest="c", seed=number)
    checkpoint = Checkpoint.objects.create(
        run=run,
        kind=Kind.EMBEDDING,
        version=number,
        path=str(artifact.path),
        digest=artifact.digest,
        files={},
        state=CheckpointState.CANDIDATE,
    )
    checkpoint_promote(checkpoint=checkpoint, actor=actor)
    return checkpoint
