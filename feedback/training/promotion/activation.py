"""Apply what a promotion changes elsewhere, in the transaction of the promotion.

A live embedding gives each model version its coordinates. A live policy is a model version that
people can meet; the one that it replaced is paused until it is rolled back to.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from django.utils.text import slugify
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from feedback.errors import ConflictError
from feedback.registry.house_models import base_title, base_version
from feedback.registry.models import LanguageModel, ModelVersion, VersionState
from feedback.registry.services import inference_provider
from feedback.training.models import Checkpoint, Kind, ModelVector, Promotion
from feedback.training.promotion.policy_gate import base_name
from feedback.training.promotion.promoted_links import served_name
from trainers.artifacts import CARD, read_json
from trainers.errors import InputError
from trainers.model_map import PLANE, align_plane, read_map


def checkpoint_take_effect(checkpoint: Checkpoint) -> None:
    """Apply what the checkpoint brings, now that it is live."""
    if checkpoint.kind == Kind.EMBEDDING:
        _vectors_write(checkpoint)
    elif checkpoint.kind == Kind.POLICY:
        card = _policy_card(checkpoint)
        version = checkpoint.model_version or _policy_version_create(checkpoint, card)
        version.state = VersionState.ACTIVE
        version.save(update_fields=["state"])


def checkpoint_step_back(checkpoint: Checkpoint) -> None:
    """Pause the model version of a checkpoint that another one replaces."""
    if checkpoint.model_version is not None:
        checkpoint.model_version.state = VersionState.PAUSED
        checkpoint.model_version.save(update_fields=["state"])


def _vectors_write(checkpoint: Checkpoint) -> None:
    """Write each known version's coordinates, aligned with the map before them.

    A checkpoint that is live again keeps its own.
    """
    if checkpoint.vectors.exists():
        return
    try:
        placed = read_map(Path(checkpoint.path))
    except InputError as error:
        raise ConflictError("unreadable", str(error)) from error
    before = _coordinates_before()
    own = [row for row, label in enumerate(placed.models) if label in before]
    coordinates = placed.coordinates
    if own:
        earlier = np.array([before[placed.models[row]] for row in own])
        coordinates = align_plane(coordinates, np.array(own), earlier[:, :PLANE])
    known = ModelVersion.objects.in_bulk(placed.models, field_name="label")
    ModelVector.objects.bulk_create(
        ModelVector(version=known[label], checkpoint=checkpoint, vector=vector, seen=seen)
        for label, vector, seen in zip(placed.models, coordinates, placed.seen, strict=True)
        if label in known
    )


def _coordinates_before() -> dict[str, NDArray[np.float32]]:
    """Return coordinates by label in the embedding that was promoted last."""
    last = Promotion.objects.filter(kind=Kind.EMBEDDING).order_by("-created_at").first()
    if last is None:
        return {}
    return dict(last.checkpoint.vectors.values_list("version__label", "vector"))


def _policy_version_create(checkpoint: Checkpoint, card: Mapping[str, Any]) -> ModelVersion:
    """Make the checkpoint a version that people can meet, named by the base it was tuned from.

    It is asked as its base is, under the system prompt that it was tuned under.
    """
    base = base_name(card)
    parent = base_version(base)
    name = f"{base_title(base)}, tuned on this pool"
    model, _created = LanguageModel.objects.get_or_create(
        slug=slugify(name)[:110],
        defaults={
            "name": name,
            "description": "Tuned on the preferences of this commons.",
        },
    )
    number = model.versions.count() + 1
    version = ModelVersion(
        model=model,
        version=str(number),
        label=f"{model.name}, v{number}",
        provider=inference_provider(),
        remote_name=served_name(checkpoint),
        base=parent,
    )
    if parent is not None:
        version.system_prompt, version.sampling = parent.system_prompt, parent.sampling
        version.output_licence = parent.output_licence
    version.system_prompt = card["config"].get("system_prompt") or version.system_prompt
    version.save()
    checkpoint.model_version = version
    checkpoint.save(update_fields=["model_version"])
    return version


def _policy_card(checkpoint: Checkpoint) -> Mapping[str, Any]:
    """Return the card of a policy's artifact; a ConflictError where people may not meet it."""
    try:
        card = read_json(Path(checkpoint.path) / CARD)
    except InputError as error:
        raise ConflictError("unreadable", str(error)) from error
    if not base_name(card):
        words = _("%s was made on the tiny base, for tests: people never meet it.")
        raise ConflictError("made_for_tests", words % checkpoint)
    return card
