"""Keep the posteriors of models up with the pool, without training anything again."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np
from django.utils import timezone

from feedback.registry.models import ModelVersion
from feedback.routing.new_models.evidence import Observation, Scope
from feedback.routing.new_models.models import ModelPosterior, PosteriorSource
from feedback.routing.new_models.posteriors import posterior_of, posteriors_forget
from feedback.routing.posterior import live_embedding, scorer_of
from feedback.routing.prompt_vectors.store import encoder_in_use, vectors_of
from feedback.training.models import Checkpoint
from trainers.arrays import Floats, Floats32
from trainers.model_vectors.posterior import Observations, Prior, fit_new_model
from trainers.model_vectors.scorer import Scorer


def posteriors_refresh() -> int:
    """Fit every version whose evidence has changed since it was fitted last; return how many.

    Two workers at once do the same work twice and write the same rows.
    """
    checkpoint, encoder = live_embedding(), encoder_in_use()
    if checkpoint is None or encoder is None:
        return 0
    scorer = scorer_of(checkpoint)
    known = dict(ModelVersion.objects.filter(label__in=scorer.models).values_list("id", "label"))
    since = checkpoint.run.started_at or checkpoint.run.created_at  # its snapshot came just after
    scope = Scope(since=since, encoder_id=encoder.pk, known=list(known))
    fingerprints = scope.fingerprints()
    rows = ModelPosterior.objects.resting_on(PosteriorSource.EVIDENCE, checkpoint)
    rows.exclude(version__in=fingerprints).delete()  # all of it was withdrawn
    fitted = dict(rows.values_list("version_id", "evidence"))
    stale = [version for version, now in fingerprints.items() if fitted.get(version) != now]
    found = scope.observations(stale)
    vectors = vectors_of({one.content_hash for observed in found.values() for one in observed})
    priors = _priors(checkpoint, scorer, list(found))
    for version_id, observed in found.items():
        regression = _regression(observed, scorer, vectors, known)
        posterior_write(
            checkpoint=checkpoint,
            version_id=version_id,
            source=PosteriorSource.EVIDENCE,
            posterior=Prior(*fit_new_model(regression, priors[version_id])),
            observations=len(observed),
            evidence=fingerprints[version_id],
        )
    return len(found)


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
    posteriors_forget()


def _priors(checkpoint: Checkpoint, scorer: Scorer, versions: list[UUID]) -> dict[UUID, Prior]:
    """Return what is believed of each version before the newest evidence.

    That is what was trained, or what its answers to the calibration prompts gave, or what all
    models share.
    """
    first = ModelPosterior.objects.resting_on(PosteriorSource.CALIBRATION, checkpoint)
    calibrated = {
        row.version_id: posterior_of(row)
        for row in first.filter(version__in=versions).select_related("version")
    }
    labels = dict(ModelVersion.objects.filter(id__in=versions).values_list("id", "label"))
    rows = {label: row for row, label in enumerate(scorer.models)}

    def prior(version: UUID) -> Prior:
        row = rows.get(labels[version])
        if row is not None and scorer.counts[row]:
            return Prior(scorer.vectors[row], scorer.covariance[row])
        if version in calibrated:
            return Prior(calibrated[version].vector, calibrated[version].covariance)
        return scorer.prior_of(labels[version])

    return {version: prior(version) for version in versions}


def _regression(
    observed: Sequence[Observation],
    scorer: Scorer,
    vectors: Mapping[str, Floats32],
    known: Mapping[UUID, str],
) -> Observations:
    """Return the rows of the regression: outcomes, then duels against what was trained."""

    def columns(rows: list[Observation]) -> tuple[Floats32, Floats]:
        prompts = np.array([vectors[row.content_hash] for row in rows], np.float32)
        scores = np.array([row.score for row in rows], np.float64)
        return prompts.reshape(-1, scorer.dimension), scores  # also where there are no rows

    outcomes = [row for row in observed if row.opponent_id is None]
    duels = [row for row in observed if row.opponent_id is not None]
    against = [known[row.opponent_id] for row in duels if row.opponent_id is not None]
    weights = np.array([row.weight for row in duels], np.float64)
    prompts, scores = columns(duels)
    return scorer.outcome_observations(*columns(outcomes)) + scorer.comparison_observations(
        prompts, against, scores, weights
    )
