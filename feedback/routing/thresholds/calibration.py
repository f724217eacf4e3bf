"""Find the threshold that sends the wanted share of the prompts to the strong model.

A prompt goes to the strong model where P(strong beats weak | prompt) is at least the threshold,
and the threshold is a quantile of that chance over recorded prompts (RouteLLM, arXiv 2406.18665).
The chance comes from the promoted embedding and what was learned of the two models since, so news
of either needs another threshold.
"""

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.errors import ApplicationError, ConflictError
from feedback.routing.models import Threshold
from feedback.routing.new_models.posteriors import posteriors_forget
from feedback.routing.policy import EXPLORE_FLOOR
from feedback.routing.posterior import live_embedding, scorer_now
from feedback.routing.prompt_vectors.models import PromptVector
from feedback.routing.prompt_vectors.store import encoder_in_use
from feedback.routing.thresholds.selectors import stale_thresholds
from feedback.training.models import Checkpoint
from trainers.arrays import Floats
from trainers.errors import InputError
from trainers.statistics.logistic import sigmoid

PROMPTS = 2000  # the newest, that a threshold is calibrated on
FEWEST_PROMPTS = 50  # with fewer a share says little


def strong_chance(means: Floats, deviations: Floats) -> Floats:
    """Return P(the first beats the second) [n] of Gaussian logits: means, deviations [n, 2].

    It is the expected sigmoid of their difference, by MacKay's approximation (1992, equation 10):
    sigmoid(D / sqrt(1 + pi v / 8)) with D the difference of the means and v the sum of the
    variances; within 0.02 of the integral.
    """
    difference = means[..., 0] - means[..., 1]
    variance = np.square(deviations).sum(axis=-1)
    return sigmoid(difference / np.sqrt(1.0 + np.pi * variance / 8.0))


def decided_share(share: float, floor: float = EXPLORE_FLOOR) -> float:
    """Return the share in [0, 1] that the threshold itself must send, so that `share` goes in all.

    The coin of the exploration floor sends floor / 2 of all prompts to either model.
    """
    return float(np.clip((share - floor / 2) / (1.0 - floor), 0.0, 1.0))


def threshold_of(chances: Floats, share: float) -> float:
    """Return the quantile of the chances [n] from which on a prompt goes to the strong model."""
    return float(np.quantile(chances, 1.0 - decided_share(share), method="higher"))


def threshold_calibrate(*, threshold: Threshold) -> None:
    """Find the threshold on the newest recorded prompts, for what is believed now.

    Raises ConflictError where no embedding is live, and ApplicationError where it cannot be read
    or too few prompts have vectors.
    """
    began = timezone.now()  # what is learned from here on may have been missed
    checkpoint = live_embedding()
    if checkpoint is None:
        message = _("No embedding is live; the share is kept by chance until one is.")
        raise ConflictError("no_embedding", message)
    chances = _chances(threshold, checkpoint)
    Threshold.objects.filter(pk=threshold.pk).update(
        threshold=threshold_of(chances, threshold.share),
        prompts=chances.size,
        checkpoint=checkpoint,
        calibrated_at=began,
    )


def thresholds_recalibrate() -> int:
    """Calibrate each threshold that rests on what was believed before; return how many were."""
    checkpoint = live_embedding()
    if checkpoint is None:
        return 0
    calibrated = 0
    for threshold in stale_thresholds(checkpoint):
        try:
            threshold_calibrate(threshold=threshold)
        except ApplicationError:
            continue  # until there are enough prompts the share is kept by chance
        calibrated += 1
    return calibrated


def _chances(threshold: Threshold, checkpoint: Checkpoint) -> Floats:
    """Return P(strong beats weak) [n] of the newest recorded prompts, as decisions are made by."""
    posteriors_forget()  # a decision may go by posteriors some seconds old, a calibration not
    try:
        scorer = scorer_now(checkpoint)
    except (InputError, OSError) as error:
        message = _("The embedding cannot be read.")
        raise ApplicationError("embedding_unreadable", message) from error
    kept = PromptVector.objects.filter(encoder=encoder_in_use(), dimension=scorer.dimension)
    vectors = list(kept.order_by("-id").values_list("vector", flat=True)[:PROMPTS])
    if len(vectors) < FEWEST_PROMPTS:
        message = _("A threshold needs %(least)s prompts with vectors; there are %(n)s.")
        counts = {"least": FEWEST_PROMPTS, "n": len(vectors)}
        raise ApplicationError("too_few_prompts", message % counts)
    pair = (threshold.strong.label, threshold.weak.label)
    believed = [scorer.believed(np.asarray(vector), pair) for vector in vectors]
    means, deviations = (np.array(part) for part in zip(*believed, strict=True))
    return strong_chance(means, deviations)
