"""Having a version asked the probe, because an operator wants to know it; how far it has come."""

from contextlib import suppress
from dataclasses import dataclass

from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError as BrokerError

from feedback.errors import ConflictError
from feedback.pool.models import Response
from feedback.registry.health import LIVE_KINDS
from feedback.registry.models import ModelVersion, VersionState
from feedback.routing.new_models.models import ModelPosterior, PosteriorSource, ProbePrompt
from feedback.routing.posterior import live_embedding
from feedback.routing.probes.services import probe_missing, probe_prompts, recorded
from feedback.routing.tasks import probe_version


@dataclass(frozen=True, slots=True)
class Answered:
    """A prompt of the probe, and the version's answer to it, if there is one."""

    prompt: ProbePrompt
    answer: Response | None


@dataclass(frozen=True, slots=True)
class Probe:
    """How far a version has come with the probe.

    `gave_vector`: whether its answers have given it a first vector in the live embedding. One that
    training has seen needs none.
    """

    version: ModelVersion
    answers: list[Answered]
    gave_vector: bool

    @property
    def prompts(self) -> int:
        """How many prompts the probe has."""
        return len(self.answers)

    @property
    def missing(self) -> int:
        """How many prompts it has not answered."""
        return sum(one.answer is None for one in self.answers)


def probe_request(version: ModelVersion) -> int:
    """Have a version asked in the background what it has not answered; how many prompts that is."""
    if version.state == VersionState.RETIRED:
        raise ConflictError("retired", _("This has been retired and cannot be reactivated."))
    if version.provider is None or version.provider.kind not in LIVE_KINDS:
        raise ConflictError("not_served", _("No server is configured for this version."))
    if not probe_prompts():
        words = _("There are no calibration prompts yet: they need a promoted embedding.")
        raise ConflictError("no_probe", words)
    missing = len(probe_missing(version))
    if missing:
        with suppress(BrokerError):  # then the schedule asks it, a little later
            probe_version.delay(str(version.pk))
    return missing


def probe_of(version: ModelVersion) -> Probe:
    """The probe with what a version has answered to it; without one there are no prompts."""
    prompts = probe_prompts()
    rows = recorded().filter(version=version, turn__in=[prompt.turn_id for prompt in prompts])
    said = {row.turn_id: row for row in rows.order_by("-sample_index")}  # the first sample stays
    vectors = ModelPosterior.objects.filter(
        checkpoint=live_embedding(), version=version, source=PosteriorSource.PROBE
    )
    answers = [Answered(prompt, said.get(prompt.turn_id)) for prompt in prompts]
    return Probe(version, answers, vectors.exists())
