"""Read thresholds and the versions that they may be made of."""

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from feedback.database.lookup import get_or_not_found
from feedback.errors import InvalidError
from feedback.registry.models import ModelVersion
from feedback.routing.models import Threshold
from feedback.routing.new_models.models import ModelPosterior
from feedback.training.models import Checkpoint


def thresholds_list() -> QuerySet[Threshold]:
    """Return all thresholds by name, with their models and the embedding of the calibration."""
    return Threshold.objects.select_related("strong", "weak", "checkpoint").order_by("name")


def threshold_names() -> list[str]:
    """Return the names of all thresholds, which are policies."""
    return list(Threshold.objects.order_by("name").values_list("name", flat=True))


def threshold_get(name: str) -> Threshold:
    """Return the threshold of that name; raise NotFoundError where there is none."""
    message = _("There is no such threshold.")
    return get_or_not_found(thresholds_list(), "unknown_threshold", message, name=name)


def stale_thresholds(checkpoint: Checkpoint) -> QuerySet[Threshold]:
    """Return the thresholds that do not rest on what is believed by this embedding now.

    Those were never calibrated, or on another embedding, or before more became known of either
    model.
    """
    news = ModelPosterior.objects.filter(
        Q(version=OuterRef("strong")) | Q(version=OuterRef("weak")),
        checkpoint=checkpoint,
        updated_at__gte=OuterRef("calibrated_at"),
    )
    calibrated = Q(checkpoint=checkpoint, threshold__isnull=False)
    return Threshold.objects.exclude(calibrated & ~Exists(news)).select_related("strong", "weak")


def version_labelled(field: str, label: str) -> ModelVersion:
    """Return the version of that label; raise an InvalidError of `field` where there is none."""
    found = ModelVersion.objects.filter(label=label).first() if "\x00" not in label else None
    if found is None:
        raise InvalidError({field: _("There is no such model.")})
    return found
