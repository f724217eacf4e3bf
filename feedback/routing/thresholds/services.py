"""A strong and a weak model, and the threshold that sends a share of the prompts to the strong.

The terms are RouteLLM's (arXiv 2406.18665): a prompt goes to the strong model where P(strong beats
weak | prompt) is at least the threshold, and the threshold is a quantile of that chance over
recorded prompts, so that the wanted share goes there. The chance comes from the promoted embedding
and what was learned of the two models since, so news of either needs another threshold.
"""

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from feedback.errors import ApplicationError, ConflictError, NotFoundError
from feedback.people.models import Contributor
from feedback.people.services import audit_record
from feedback.registry.models import ModelVersion
from feedback.routing.models import Threshold
from feedback.routing.names import PolicyName
from feedback.routing.new_models.models import ModelPosterior
from feedback.routing.new_models.posteriors import newcomers_forget
from feedback.routing.policy import EXPLORE_FLOOR
from feedback.routing.posterior import live_embedding, scorer_now
from feedback.routing.prompt_vectors.models import PromptVector
from feedback.routing.prompt_vectors.store import encoder_in_use
from feedback.training.models import Checkpoint
from trainers.errors import InputError

Floats = NDArray[np.float64]

PROMPTS = 2000  # the newest, that a threshold is calibrated on
FEWEST_PROMPTS = 50  # with fewer a share says little
LEAST_SHARE, MOST_SHARE = 0.05, 0.95


def strong_chance(means: Floats, deviations: Floats) -> Floats:
    """P(the first beats the second), (n,), of Gaussian logits: means, deviations (n, 2).

    The expected sigma of their difference, by MacKay's approximation (1992, equation 10):
    sigma(D / sqrt(1 + pi v / 8)) with D the difference of the means and v the sum of the
    variances; within 0.02 of the integral.
    """
    difference = means[..., 0] - means[..., 1]
    variance = np.square(deviations).sum(axis=-1)
    chance: Floats = 1.0 / (1.0 + np.exp(-difference / np.sqrt(1.0 + np.pi * variance / 8.0)))
    return chance


def decided_share(share: float, floor: float = EXPLORE_FLOOR) -> float:
    """The share that the threshold itself must send, in [0, 1], so that `share` goes there in all.

    The coin of the exploration floor sends floor / 2 of all prompts to either model.
    """
    return float(np.clip((share - floor / 2) / (1.0 - floor), 0.0, 1.0))


def threshold_of(chances: Floats, share: float) -> float:
    """The quantile of the chances (n,) from which on a prompt goes to the strong model."""
    return float(np.quantile(chances, 1.0 - decided_share(share), method="higher"))


def threshold_create(
    *, name: str, strong: ModelVersion, weak: ModelVersion, share: float, actor: Contributor | None
) -> Threshold:
    """A new pair under a name; calibrated at once where an embedding is live."""
    if problems := _problems(name, strong, weak, share):
        words = _("Please correct the fields below.")
        raise ApplicationError("invalid", words, fields=problems)
    try:
        with transaction.atomic():
            made = Threshold.objects.create(name=name, strong=strong, weak=weak, share=share)
            detail = {"strong": strong.label, "weak": weak.label, "share": share}
            audit_record(actor=actor, action="threshold.create", subject=name, detail=detail)
    except IntegrityError as error:
        words = _("There is already a threshold %(name)s.") % {"name": name}
        raise ConflictError("name_taken", words) from error
    thresholds_recalibrate()
    made.refresh_from_db()
    return made


def _problems(name: str, strong: ModelVersion, weak: ModelVersion, share: float) -> dict[str, str]:
    plain = name.replace("-", "").replace("_", "")
    named = plain.isascii() and plain.isalnum() and len(name) <= 40
    problems = {}
    if not named or name in PolicyName.values:
        problems["name"] = _("1 to 40 letters, digits, - and _; not the name of a policy.")
    if strong == weak:
        problems["weak"] = _("Choose a model other than the strong one.")
    if not LEAST_SHARE <= share <= MOST_SHARE:
        problems["share"] = _("Enter 5 to 95 per cent.")
    return problems


def threshold_remove(*, name: str, actor: Contributor | None) -> None:
    """Forget a pair; what it has decided stays in the log."""
    with transaction.atomic():
        threshold_get(name).delete()
        audit_record(actor=actor, action="threshold.remove", subject=name)


def threshold_get(name: str) -> Threshold:
    """The pair of that name, with its two models."""
    rows = Threshold.objects.select_related("strong", "weak", "checkpoint")
    found = rows.filter(name=name).first() if "\x00" not in name else None
    if found is None:
        raise NotFoundError("unknown_threshold", _("There is no such threshold."))
    return found


def threshold_calibrate(*, threshold: Threshold) -> None:
    """Find the threshold on the newest recorded prompts, for what is believed now."""
    began = timezone.now()  # what is learned from here on may have been missed
    checkpoint = live_embedding()
    if checkpoint is None:
        words = _("No embedding is live; the share is kept by chance until one is.")
        raise ConflictError("no_embedding", words)
    chances = _chances(threshold, checkpoint)
    Threshold.objects.filter(pk=threshold.pk).update(
        threshold=threshold_of(chances, threshold.share),
        prompts=chances.size,
        checkpoint=checkpoint,
        calibrated_at=began,
    )


def thresholds_recalibrate() -> int:
    """Calibrate each threshold that rests on what was believed before; how many were."""
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


def stale_thresholds(checkpoint: Checkpoint) -> QuerySet[Threshold]:
    """Those that were calibrated on another embedding or never, or before one of their models
    became better known."""
    news = ModelPosterior.objects.filter(
        Q(version=OuterRef("strong")) | Q(version=OuterRef("weak")),
        checkpoint=checkpoint,
        updated_at__gte=OuterRef("calibrated_at"),
    )
    known = Q(checkpoint=checkpoint, threshold__isnull=False)
    return Threshold.objects.exclude(known & ~Exists(news)).select_related("strong", "weak")


def _chances(threshold: Threshold, checkpoint: Checkpoint) -> Floats:
    """P(strong beats weak) of the newest recorded prompts, (n,), as decisions are made by it."""
    newcomers_forget()
    try:
        scorer = scorer_now(checkpoint)
    except (InputError, OSError) as error:
        words = _("The embedding cannot be read.")
        raise ApplicationError("embedding_unreadable", words) from error
    kept = PromptVector.objects.filter(encoder=encoder_in_use(), dimension=scorer.dimension)
    vectors = list(kept.order_by("-id").values_list("vector", flat=True)[:PROMPTS])
    if len(vectors) < FEWEST_PROMPTS:
        words = _("A threshold needs %(least)s prompts with vectors; there are %(n)s.")
        counts = {"least": FEWEST_PROMPTS, "n": len(vectors)}
        raise ApplicationError("too_few_prompts", words % counts)
    pair = (threshold.strong.label, threshold.weak.label)
    believed = [scorer.believed(np.asarray(vector), pair) for vector in vectors]
    means, deviations = (np.array(part) for part in zip(*believed, strict=True))
    return strong_chance(means, deviations)
