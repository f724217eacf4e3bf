"""Keeping the posteriors of models up with the pool, without training anything again."""

from uuid import UUID

import numpy as np
from django.utils import timezone
from numpy.typing import NDArray

from feedback.registry.models import ModelVersion
from feedback.routing.new_models.evidence import Scope, Sighting
from feedback.routing.new_models.models import ModelPosterior, PosteriorSource
from feedback.routing.new_models.posteriors import newcomer_of, newcomers_forget
from feedback.routing.posterior import live_embedding, scorer_of
from feedback.routing.prompt_vectors.store import encoder_in_use, vectors_of
from feedback.training.models import Checkpoint
from trainers.model_vectors.posterior import Observations, Prior, fit_new_model
from trainers.model_vectors.scorer import Scorer

Floats = NDArray[np.float64]


def newcomers_refresh() -> int:
    """Fit every version whose evidence has changed since it was fitted last; how many there were.

    Two workers at once do the same work twice and write the same rows.
    """
    checkpoint, encoder = live_embedding(), encoder_in_use()
    if checkpoint is None or encoder is None:
        return 0
    scorer = scorer_of(checkpoint)
    known = dict(ModelVersion.objects.filter(label__in=scorer.models).values_list("id", "label"))
    since = checkpoint.run.started_at or checkpoint.run.created_at  # its snapshot came just after
    scope = Scope(since, encoder.pk, list(known))
    counted = scope.evidence_counted()
    rows = ModelPosterior.objects.filter(checkpoint=checkpoint, source=PosteriorSource.EVIDENCE)
    rows.exclude(version__in=counted).delete()  # all of it was withdrawn
    fitted = dict(rows.values_list("version_id", "evidence"))
    stale = [version for version, evidence in counted.items() if fitted.get(version) != evidence]
    listed = scope.evidence_listed(stale)
    vectors = vectors_of({one.content_hash for seen in listed.values() for one in seen})
    priors = _priors(checkpoint, scorer, list(listed))
    for version, sightings in listed.items():
        seen = _sightings(sightings, scorer, vectors, known)
        posterior_write(
            checkpoint=checkpoint,
            version_id=version,
            source=PosteriorSource.EVIDENCE,
            posterior=Prior(*fit_new_model(seen, priors[version])),
            observations=len(sightings),
            evidence=counted[version],
        )
    return len(listed)


def posterior_write(
    *,
    checkpoint: Checkpoint,
    version_id: UUID,
    source: PosteriorSource,
    posterior: Prior,
    observations: int,
    evidence: str,
) -> None:
    """Put a posterior in the place of the one before."""
    ModelPosterior.objects.update_or_create(
        checkpoint=checkpoint,
        version_id=version_id,
        source=source,
        defaults={
            "vector": posterior.mean,
            "covariance": posterior.covariance.astype("<f8").tobytes(),
            "observations": observations,
            "evidence": evidence,
            "updated_at": timezone.now(),
        },
    )
    newcomers_forget()


def _priors(checkpoint: Checkpoint, scorer: Scorer, versions: list[UUID]) -> dict[UUID, Prior]:
    """Before the newest evidence: what was trained, or the probe's, or what all models share."""
    probed = {
        row.version_id: newcomer_of(row)
        for row in ModelPosterior.objects.filter(
            checkpoint=checkpoint, version__in=versions, source=PosteriorSource.PROBE
        ).select_related("version")
    }
    labels = dict(ModelVersion.objects.filter(id__in=versions).values_list("id", "label"))
    number = {label: place for place, label in enumerate(scorer.models)}

    def prior(version: UUID) -> Prior:
        place = number.get(labels[version])
        if place is not None and scorer.counts[place]:
            return Prior(scorer.vectors[place], scorer.covariance[place])
        if version in probed:
            return Prior(probed[version].vector, probed[version].covariance)
        return scorer.prior_of(labels[version])

    return {version: prior(version) for version in versions}


def _sightings(
    found: list[Sighting],
    scorer: Scorer,
    vectors: dict[str, NDArray[np.float32]],
    known: dict[UUID, str],
) -> Observations:
    """As the regression takes them: outcomes, then duels against what was trained."""

    def columns(rows: list[Sighting]) -> tuple[NDArray[np.float32], Floats]:
        questions = np.array([vectors[row.content_hash] for row in rows], np.float32)
        scores = np.array([row.score for row in rows], np.float64)
        return questions.reshape(-1, scorer.dimension), scores

    outcomes = [row for row in found if row.opponent is None]
    duels = [row for row in found if row.opponent is not None]
    against = [known[row.opponent] for row in duels if row.opponent is not None]
    weights = np.array([row.weight for row in duels], np.float64)
    questions, shares = columns(duels)
    return scorer.outcome_observations(*columns(outcomes)) + scorer.comparison_observations(
        questions, against, shares, weights
    )
