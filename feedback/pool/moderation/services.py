"""Reports of texts that should not be here: made by anyone, resolved by curators."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.database.lookup import get_or_not_found
from feedback.errors import ConflictError, refuse_problems
from feedback.people.models import Contributor
from feedback.people.rate_limits.limits import Rate, limit_take
from feedback.people.selectors import consent_required
from feedback.people.services import audit_record
from feedback.pool.models import Response, Turn
from feedback.pool.moderation.circulation import Texts, texts_restore, texts_with, texts_withhold
from feedback.pool.moderation.models import Report, ReportReason, ReportState

TEXT_LIMIT = 2000
RATE = Rate(30, 3600, burst=10)  # reports of one person
SHOWN_OF_FLAW = 300  # characters of an answer that was caught
PAGE = 50  # texts on the curators' page


@dataclass(frozen=True, slots=True)
class Case:
    """A reported text with all reports of it that are in one state."""

    reports: list[Report]

    @property
    def first(self) -> Report:
        """Return the report by which the case is known."""
        return self.reports[0]

    @property
    def text(self) -> str:
        """Return what was reported."""
        if self.first.response is not None:
            return self.first.response.text
        messages = self.first.turn.messages if self.first.turn else []
        return str(messages[-1]["content"]) if messages else ""

    @property
    def turn(self) -> Turn:
        """Return where it stands."""
        turn = self.first.response.turn if self.first.response else self.first.turn
        assert turn is not None  # a report is of one of the two, by constraint
        return turn


def report_create(
    *,
    reporter: Contributor,
    response: Response,
    of_prompt: bool = False,
    reason: str,
    text: str = "",
) -> Report:
    """Report an answer, or the prompt it answers; a repeat gives the open report there is."""
    consent_required(reporter)
    _check(reason, text)
    limit_take(key=f"report:{reporter.pk}", rate=RATE)
    subject: dict[str, Response | Turn] = (
        {"turn": response.turn} if of_prompt else {"response": response}
    )
    try:
        with transaction.atomic():
            return Report.objects.create(reporter=reporter, reason=reason, text=text, **subject)
    except IntegrityError:
        return Report.objects.get(reporter=reporter, state=ReportState.OPEN, **subject)


def flaw_report(*, response: Response, flaw: str, text: str) -> None:
    """Report an answer that the site caught, with the end of what came, in nobody's name.

    A model that fails once fails often: there is one open report for each model version and flaw,
    and all that was caught is counted (`Response.flaw`).
    """
    waiting = Report.objects.filter(
        reporter=None,
        state=ReportState.OPEN,
        text__startswith=flaw,
        response__version=response.version_id,
    )
    if not waiting.exists():
        end = " ".join(text[-SHOWN_OF_FLAW:].split())
        Report.objects.create(
            response=response, reason=ReportReason.FLAWED, text=f"{flaw}: {end}".rstrip(": ")
        )


def case_find(report_id: UUID) -> Case:
    """Return the case of a report: all reports of the same text in the same state."""
    unknown = _("There is no such report.")
    report = get_or_not_found(_reports(), "unknown_report", unknown, pk=report_id)
    same = Q(response=report.response_id, turn=report.turn_id)
    if report.response_id is None:
        same = Q(turn=report.turn_id, response=None)
    return Case(list(_reports().filter(same, state=report.state)))


def cases(state: ReportState) -> list[Case]:
    """Return reported texts in one state; those that were reported first come first."""
    grouped: dict[tuple[UUID | None, UUID | None], list[Report]] = {}
    for report in _reports().filter(state=state)[: PAGE * 10]:
        grouped.setdefault((report.response_id, report.turn_id), []).append(report)
    return [Case(reports) for reports in grouped.values()][:PAGE]


def case_uphold(*, case: Case, actor: Contributor) -> None:
    """Take the text out of circulation."""
    with transaction.atomic():
        _resolve(case, ReportState.OPEN, ReportState.UPHELD, actor)
        texts_withhold(_texts_of(case.reports))
        audit_record(actor=actor, action="text.withhold", subject=_subject(case))


def case_dismiss(*, case: Case, actor: Contributor) -> None:
    """Leave the text where it is."""
    with transaction.atomic():
        _resolve(case, ReportState.OPEN, ReportState.DISMISSED, actor)
        audit_record(actor=actor, action="report.dismiss", subject=_subject(case))


def case_reverse(*, case: Case, actor: Contributor) -> None:
    """Put the text back; what another upheld report withholds stays out."""
    with transaction.atomic():
        _resolve(case, ReportState.UPHELD, ReportState.DISMISSED, actor)
        texts = _texts_of(case.reports)
        texts_restore(texts, except_for=_still_withheld(texts))
        audit_record(actor=actor, action="text.restore", subject=_subject(case))


def _check(reason: str, text: str) -> None:
    problems = {}
    if reason not in ReportReason.values:
        problems["reason"] = _("Say what is wrong with it.")
    if len(text) > TEXT_LIMIT or "\x00" in text:
        problems["text"] = _("At most 2,000 characters.")
    refuse_problems(problems, " ".join(problems.values()))


def _resolve(case: Case, before: ReportState, after: ReportState, actor: Contributor) -> None:
    """Resolve the case once: whoever comes second gets a ConflictError."""
    open_ones = Report.objects.filter(pk__in=[one.pk for one in case.reports], state=before)
    now = timezone.now()
    if not open_ones.update(state=after, resolved_by=actor, resolved_at=now):
        raise ConflictError("already_resolved", _("Somebody else has decided this meanwhile."))


def _texts_of(reports: Iterable[Report]) -> Texts:
    found = Texts()
    for report in reports:
        found.add(texts_with(response=report.response, turn=report.turn))
    return found


def _still_withheld(texts: Texts) -> Texts:
    """Return what upheld reports withhold in the conversations of these texts or their copies."""
    turns = Turn.objects.filter(Q(pk__in=texts.turns) | Q(responses__in=texts.responses))
    near = {
        "conversation__in": turns.values("conversation"),
        "content_hash__in": turns.values("content_hash"),
    }
    wanted = Q()
    for name, rows in near.items():
        wanted |= Q(**{f"turn__{name}": rows}) | Q(**{f"response__turn__{name}": rows})
    return _texts_of(_reports().filter(wanted, state=ReportState.UPHELD).distinct())


def _reports() -> QuerySet[Report]:
    return Report.objects.select_related(
        "reporter", "resolved_by", "turn", "response__turn", "response__version"
    ).order_by("created_at", "id")


def _subject(case: Case) -> str:
    if case.first.response is not None:
        return f"response {case.first.response.public_id}"
    return f"turn {case.turn.pk}"
