"""The first vector of a model that nobody has judged, from what it answered when calibrated."""

from uuid import UUID

import numpy as np

from feedback.pool.hashing import text_hash
from feedback.registry.models import ModelVersion
from feedback.routing.calibration_prompts.answers import recorded_answers
from feedback.routing.calibration_prompts.selection import calibration_prompts
from feedback.routing.new_models.models import AnswerVector, ModelPosterior, PosteriorSource
from feedback.routing.new_models.refresh import posterior_write
from feedback.routing.posterior import live_embedding, scorer_of
from feedback.routing.prompt_vectors.backfill import texts_encode
from feedback.routing.prompt_vectors.models import PromptEncoder
from feedback.routing.prompt_vectors.store import encoder_in_use
from feedback.training.models import Checkpoint
from trainers.arrays import Floats
from trainers.calibration_prompts.answer_map import fit_answer_map

FEWEST_KNOWN = 8  # known models that have answered; fewer say nothing of what answers mean


def first_vectors_write() -> int:
    """Give every unknown version that has answered all prompts its first vector; return how many.

    A ridge regression from answers to vectors is fitted on the known models. The same answers give
    the same vector: a version that has one for this embedding is left alone.
    """
    checkpoint, encoder = live_embedding(), encoder_in_use()
    if checkpoint is None or encoder is None:
        return 0
    scorer = scorer_of(checkpoint)
    prompts = calibration_prompts()
    answers = _answers([prompt.turn_id for prompt in prompts])
    rows = {label: row for row, label in enumerate(scorer.models) if scorer.counts[row]}
    known = [label for label in answers if label in rows]
    fresh = _without_vector(checkpoint, [label for label in answers if label not in rows])
    if len(known) < FEWEST_KNOWN or not fresh:
        return 0
    encoded = _encoded(encoder, {text for label in [*known, *fresh] for text in answers[label]})
    stacked = {
        label: np.stack([encoded[text] for text in answers[label]]) for label in [*known, *fresh]
    }
    weights = np.array([prompt.weight for prompt in prompts])
    found = fit_answer_map(
        np.stack([stacked[label] for label in known]),
        scorer.vectors[[rows[label] for label in known]],
        weights / weights.sum(),
    )
    for label, version_id in fresh.items():
        posterior_write(
            checkpoint=checkpoint,
            version_id=version_id,
            source=PosteriorSource.CALIBRATION,
            posterior=found.prior_of(stacked[label]),
            observations=0,
            evidence=f"{len(prompts)} answers",
        )
    return len(fresh)


def _answers(turns: list[UUID]) -> dict[str, list[str]]:
    """Return by label the answers, in order, of every version that has answered all turns."""
    found: dict[str, dict[UUID, str]] = {}
    rows = recorded_answers().filter(turn__in=turns, version__isnull=False, sample_index=0)
    for label, turn, text in rows.values_list("version__label", "turn_id", "text"):
        found.setdefault(label, {})[turn] = text
    return {
        label: [texts[turn] for turn in turns]
        for label, texts in sorted(found.items())
        if len(texts) == len(turns) > 0
    }


def _without_vector(checkpoint: Checkpoint, labels: list[str]) -> dict[str, UUID]:
    """Return the versions without a first vector in this embedding yet: their keys by label."""
    written = ModelPosterior.objects.resting_on(PosteriorSource.CALIBRATION, checkpoint)
    versions = ModelVersion.objects.filter(label__in=labels)
    fresh = versions.exclude(pk__in=written.values("version"))
    return dict(fresh.values_list("label", "pk"))


def _encoded(encoder: PromptEncoder, texts: set[str]) -> dict[str, Floats]:
    """Return the vector [d] of each text; those never encoded before go to the inference server."""
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
