"""Make and remove thresholds."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from feedback.errors import ConflictError, refuse_problems
from feedback.people.models import Contributor
from feedback.people.services import audit_record
from feedback.registry.models import ModelVersion
from feedback.routing.models import PolicyName, Threshold
from feedback.routing.thresholds.calibration import thresholds_recalibrate
from feedback.routing.thresholds.selectors import threshold_get

LEAST_SHARE, MOST_SHARE = 0.05, 0.95
LONGEST_NAME = 40


def threshold_create(
    *, name: str, strong: ModelVersion, weak: ModelVersion, share: float, actor: Contributor | None
) -> Threshold:
    """Make a pair under a name, calibrated at once where an embedding is live; return it.

    Raises InvalidError, and ConflictError where the name is taken.
    """
    refuse_problems(
        {
            "name": _name_problem(name),
            "weak": _("Choose a model other than the strong one.") if strong == weak else "",
            "share": "" if LEAST_SHARE <= share <= MOST_SHARE else _("Enter 5 to 95 per cent."),
        }
    )
    try:
        with transaction.atomic():
            made = Threshold.objects.create(name=name, strong=strong, weak=weak, share=share)
            detail = {"strong": strong.label, "weak": weak.label, "share": share}
            audit_record(actor=actor, action="threshold.create", subject=name, detail=detail)
    except IntegrityError as error:
        message = _("There is already a threshold %(name)s.") % {"name": name}
        raise ConflictError("name_taken", message) from error
    thresholds_recalibrate()
    made.refresh_from_db()
    return made


def threshold_remove(*, name: str, actor: Contributor | None) -> None:
    """Forget a pair; what it has decided stays in the log."""
    with transaction.atomic():
        threshold_get(name).delete()
        audit_record(actor=actor, action="threshold.remove", subject=name)


def _name_problem(name: str) -> str:
    """Return why this cannot be the name of a policy, as programs send it; empty where it can."""
    plain = name.replace("-", "").replace("_", "")
    is_plain = plain.isascii() and plain.isalnum() and len(name) <= LONGEST_NAME
    if is_plain and name not in PolicyName.values:
        return ""
    return _("1 to 40 letters, digits, - and _; not the name of a policy.")
