"""What a promotion changes for the rest of the house; in the transaction of the promotion.

A live embedding gives each model version its vector. A live policy is a model version that people
can meet; the one that it replaced is paused, and comes back when it is rolled back to.
"""

from pathlib import Path

from feedback.registry.models import (
    LanguageModel,
    ModelVersion,
    Provider,
    ProviderKind,
    VersionState,
)
from feedback.training.live_files import served_name
from feedback.training.models import Checkpoint, Embedding, Kind
from trainers.embedding.score import Scorer

POLICY_NAME = "Commons Policy"
POLICY_SLUG = "commons-policy"
PROVIDER_NAME = "Inference server"


def checkpoint_take_effect(checkpoint: Checkpoint) -> None:
    """What the checkpoint brings, now that it is live."""
    if checkpoint.kind == Kind.EMBEDDING:
        _vectors_write(checkpoint)
    elif checkpoint.kind == Kind.POLICY:
        version = checkpoint.model_version or _policy_version_create(checkpoint)
        version.state = VersionState.ACTIVE
        version.save(update_fields=["state"])


def checkpoint_step_back(checkpoint: Checkpoint) -> None:
    """What goes with the checkpoint that another one replaces."""
    if checkpoint.model_version is not None:
        checkpoint.model_version.state = VersionState.PAUSED
        checkpoint.model_version.save(update_fields=["state"])


def _vectors_write(checkpoint: Checkpoint) -> None:
    scorer = Scorer.load(Path(checkpoint.path))
    known = ModelVersion.objects.in_bulk(scorer.models, field_name="label")
    name, version = scorer.encoder, str(checkpoint)
    Embedding.objects.filter(
        model_version__isnull=False, encoder=name, encoder_version=version
    ).delete()
    Embedding.objects.bulk_create(
        Embedding(
            model_version=known[label],
            encoder=name,
            encoder_version=version,
            dimension=len(vector),
            vector=vector,
        )
        for label, vector in zip(scorer.models, scorer.vectors, strict=True)
        if label in known
    )


def _policy_version_create(checkpoint: Checkpoint) -> ModelVersion:
    model, _ = LanguageModel.objects.get_or_create(
        slug=POLICY_SLUG,
        defaults={
            "name": POLICY_NAME,
            "description": "Trained from the preferences of this commons.",
        },
    )
    provider, _ = Provider.objects.get_or_create(
        name=PROVIDER_NAME, defaults={"kind": ProviderKind.INFERENCE}
    )
    number = model.versions.count() + 1
    version = ModelVersion.objects.create(
        model=model,
        version=str(number),
        label=model.name if number == 1 else f"{model.name} v{number}",
        provider=provider,
        remote_name=served_name(checkpoint),
    )
    checkpoint.model_version = version
    checkpoint.save(update_fields=["model_version"])
    return version
