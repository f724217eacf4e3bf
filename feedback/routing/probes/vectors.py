"""The first vector of a model that nobody has judged, from its answers to the probe."""

from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from feedback.pool.hashing import text_hash
from feedback.registry.models import ModelVersion
from feedback.routing.new_models.models import AnswerVector, ModelPosterior, PosteriorSource
from feedback.routing.new_models.refresh import posterior_write
from feedback.routing.posterior import live_embedding, scorer_of
from feedback.routing.probes.services import probe_prompts, recorded
from feedback.routing.prompt_vectors.backfill import texts_encode
from feedback.routing.prompt_vectors.models import PromptEncoder
from feedback.routing.prompt_vectors.store import encoder_in_use
from feedback.training.models import Checkpoint
from trainers.calibration_prompts.answer_map import fit_answer_map

Floats = NDArray[np.float64]

FEWEST = 8  # known models that have answered; fewer say nothing of what answers mean


def probe_vectors_write() -> int:
    """Give every unknown version that has answered all of the probe its first vector; how many.

    The same answers give the same vector: a version that has one for this embedding is left alone.
    """
    checkpoint, encoder = live_embedding(), encoder_in_use()
    if checkpoint is None or encoder is None:
        return 0
    scorer = scorer_of(checkpoint)
    prompts = probe_prompts()
    answers = _answers([prompt.turn_id for prompt in prompts])
    rows = {label: row for row, label in enumerate(scorer.models) if scorer.counts[row]}
    known = [label for label in answers if label in rows]
    fresh = _without_vector(checkpoint, [label for label in answers if label not in rows])
    if len(known) < FEWEST or not fresh:
        return 0
    encoded = _encoded(encoder, {text for label in [*known, *fresh] for text in answers[label]})
    said = {label: np.stack([encoded[text] for text in answers[label]]) for label in answers}
    weights = np.array([prompt.weight for prompt in prompts])
    found = fit_answer_map(
        np.stack([said[label] for label in known]),
        scorer.vectors[[rows[label] for label in known]],
        weights / weights.sum(),
    )
    for label, version in fresh.items():
        posterior_write(
            checkpoint=checkpoint,
            version_id=version,
            source=PosteriorSource.PROBE,
            posterior=found.prior_of(said[label]),
            observations=0,
            evidence=f"{len(prompts)} answers",
        )
    return len(fresh)


def _answers(turns: list[UUID]) -> dict[str, list[str]]:
    """By label, the answers of every version that has answered all of these prompts, in order."""
    found: dict[str, dict[UUID, str]] = {}
    rows = recorded().filter(turn__in=turns, version__isnull=False, sample_index=0)
    for label, turn, text in rows.values_list("version__label", "turn_id", "text"):
        found.setdefault(label, {})[turn] = text
    return {
        label: [texts[turn] for turn in turns]
        for label, texts in sorted(found.items())
        if len(texts) == len(turns) > 0
    }


def _without_vector(checkpoint: Checkpoint, labels: list[str]) -> dict[str, UUID]:
    """Those of the versions that have no first vector in this embedding yet."""
    probed = ModelPosterior.objects.filter(checkpoint=checkpoint, source=PosteriorSource.PROBE)
    versions = ModelVersion.objects.filter(label__in=labels)
    fresh = versions.exclude(pk__in=probed.values("version"))
    return dict(fresh.values_list("label", "pk"))


def _encoded(encoder: PromptEncoder, texts: set[str]) -> dict[str, Floats]:
    """The vector of each text; those that were never encoded go to the inference server."""
    hashes = {text_hash(text): text for text in sorted(texts)}
    kept = AnswerVector.objects.filter(encoder=encoder, text_hash__in=list(hashes))
    found = {bytes(key): vector for key, vector in kept.values_list("text_hash", "vector")}
    missing = [key for key in hashes if key not in found]
    vectors = texts_encode([hashes[key] for key in missing])
    made = dict(zip(missing, vectors, strict=True))
    AnswerVector.objects.bulk_create(
        (AnswerVector(text_hash=key, encoder=encoder, vector=one) for key, one in made.items()),
        ignore_conflicts=True,
    )
    return {hashes[key]: np.asarray(one, np.float64) for key, one in (found | made).items()}
