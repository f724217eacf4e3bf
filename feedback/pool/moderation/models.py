"""What people say about a text that should not be here."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from feedback.identifiers import Row
from feedback.people.models import Contributor
from feedback.pool.models import Response, Turn


class ReportReason(models.TextChoices):
    """Why a text should not be here."""

    UNSAFE = "unsafe", _("It is dangerous or hateful")
    PERSONAL_DATA = "personal_data", _("It contains personal data")
    ILLEGAL = "illegal", _("It is against the law")
    SPAM = "spam", _("It is advertising or spam")
    FLAWED = "flawed", _("It is broken: repeated without end, unreadable or empty")
    OTHER = "other", _("Something else")


class ReportState(models.TextChoices):
    """What a curator made of it."""

    OPEN = "open", _("Open")
    UPHELD = "upheld", _("Upheld")
    DISMISSED = "dismissed", _("Dismissed")


class Report(Row):
    """A report of an answer, or of the prompt of a turn; of nobody: the site itself noticed it."""

    response = models.ForeignKey(
        Response, on_delete=models.CASCADE, null=True, related_name="reports"
    )
    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, null=True, related_name="reports")
    reporter = models.ForeignKey(
        Contributor, on_delete=models.PROTECT, null=True, related_name="reports"
    )
    reason = models.CharField(max_length=16, choices=ReportReason)
    text = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=ReportState, default=ReportState.OPEN)
    resolved_by = models.ForeignKey(
        Contributor, on_delete=models.PROTECT, null=True, related_name="reports_resolved"
    )
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(response=None) ^ Q(turn=None), name="report_of_one_text"
            ),
            models.UniqueConstraint(
                fields=["reporter", "response"],
                condition=Q(state=ReportState.OPEN),
                name="report_open_once_a_response",
            ),
            models.UniqueConstraint(
                fields=["reporter", "turn"],
                condition=Q(state=ReportState.OPEN),
                name="report_open_once_a_turn",
            ),
            models.CheckConstraint(
                condition=Q(state=ReportState.OPEN) ^ Q(resolved_by__isnull=False),
                name="report_resolved_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason} report {self.id}"
