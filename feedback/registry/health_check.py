"""Trying a version: the smallest real question, as a probe and as an operator's test call."""

from dataclasses import dataclass

from django.db.models.functions import Now

from feedback.registry.errors import NoAnswerError, reason_words
from feedback.registry.health import LIVE_KINDS, PAUSE_AFTER
from feedback.registry.models import ModelVersion, Provider, VersionState
from feedback.registry.providers import Call

QUESTION = [{"role": "user", "content": "Say hello."}]
PROBE_TOKENS, TEST_TOKENS = 1, 48


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a try: some text, or a problem in words."""

    version: ModelVersion
    text: str = ""
    problem: str = ""


def version_try(version: ModelVersion, tokens: int = TEST_TOKENS) -> Trial:
    """Ask it for a few words; its health follows from how that goes."""
    call = Call(version, QUESTION, {"max_tokens": tokens})
    try:
        return Trial(version, text="".join(call.pieces()))
    except NoAnswerError as error:
        return Trial(version, problem=reason_words(str(error)))


def provider_try(provider: Provider) -> list[Trial]:
    """Ask the versions of a provider that are in use, until one answers."""
    trials = []
    versions = provider.versions.filter(state=VersionState.ACTIVE).select_related("provider")
    for version in versions.order_by("failures", "-created_at")[:3]:
        trials.append(version_try(version, PROBE_TOKENS))
        if not trials[-1].problem:
            break
    return trials


def probes_run() -> int:
    """Try all that rest after failures and whose rest is over; how many came back."""
    over = {"failures__gte": PAUSE_AFTER, "resting_until__lte": Now(), "state": "active"}
    providers = Provider.objects.filter(kind__in=LIVE_KINDS, **over)
    returned = sum(any(not t.problem for t in provider_try(one)) for one in providers)
    versions = ModelVersion.objects.filter(provider__kind__in=LIVE_KINDS, **over)
    for version in versions.select_related("provider"):
        returned += not version_try(version, PROBE_TOKENS).problem
    return returned
