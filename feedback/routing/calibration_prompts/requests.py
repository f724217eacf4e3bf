"""Have a version asked the calibration prompts, because an operator wants to know it."""

from contextlib import suppress
from dataclasses import dataclass

from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError as BrokerError

from feedback.errors import ConflictError
from feedback.pool.models import Response
from feedback.registry.models import LIVE_KINDS, ModelVersion, VersionState
from feedback.routing.calibration_prompts.answers import recorded_answers
from feedback.routing.calibration_prompts.asking import prompts_missing
from feedback.routing.calibration_prompts.selection import calibration_prompts
from feedback.routing.new_models.models import ModelPosterior, PosteriorSource, ProbePrompt
from feedback.routing.posterior import live_embedding
from feedback.routing.tasks import ask_version


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationAnswer:
    """A calibration prompt, and the version's answer to it, if there is one."""

    prompt: ProbePrompt
    answer: Response | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A version's progress with the calibration prompts.

    `gave_vector`: whether its answers have given it a first vector in the live embedding. One that
    training has seen needs none.
    """

    version: ModelVersion
    answers: list[CalibrationAnswer]
    gave_vector: bool

    @property
    def prompts(self) -> int:
        """Return how many calibration prompts there are."""
        return len(self.answers)

    @property
    def missing(self) -> int:
        """Return how many of them it has not answered."""
        return sum(one.answer is None for one in self.answers)


def calibration_request(version: ModelVersion) -> int:
    """Have a version asked in the background what it has not answered; return how many prompts.

    Raises ConflictError where it is retired, no server is configured for it, or there are no
    calibration prompts yet.
    """
    if version.state == VersionState.RETIRED:
        raise ConflictError("retired", _("This has been retired and cannot be reactivated."))
    if version.provider is None or version.provider.kind not in LIVE_KINDS:
        raise ConflictError("not_served", _("No server is configured for this version."))
    if not calibration_prompts():
        message = _("There are no calibration prompts yet: they need a promoted embedding.")
        raise ConflictError("no_probe", message)
    missing = len(prompts_missing(version))
    if missing:
        with suppress(BrokerError):  # then the schedule asks it, a little later
            ask_version.delay(str(version.pk))
    return missing


def calibration_of(version: ModelVersion) -> Calibration:
    """Return what a version has answered; there are no prompts before an embedding is promoted."""
    prompts = calibration_prompts()
    rows = recorded_answers().filter(
        version=version, turn__in=[prompt.turn_id for prompt in prompts]
    )
    by_turn = {row.turn_id: row for row in rows.order_by("-sample_index")}  # the first one stays
    first = ModelPosterior.objects.resting_on(PosteriorSource.CALIBRATION, live_embedding())
    return Calibration(
        version=version,
        answers=[
            CalibrationAnswer(prompt=prompt, answer=by_turn.get(prompt.turn_id))
            for prompt in prompts
        ],
        gave_vector=first.filter(version=version).exists(),
    )
