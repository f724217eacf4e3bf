"""Trying a version: the smallest real question, as a health check and as a test call."""

from dataclasses import dataclass

from django.db.models import Q
from django.db.models.functions import Now

from feedback.registry.errors import NoAnswerError, reason_text
from feedback.registry.health import PAUSE_AFTER
from feedback.registry.models import ModelVersion, Provider, ProviderKind, VersionState
from feedback.registry.providers import Call
from feedback.registry.readiness import Stage, is_withheld, readiness

QUESTION = [{"role": "user", "content": "Say hello."}]
CHECK_TOKENS, TEST_TOKENS = 1, 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The result of a try: some text of the answer, or a problem as a sentence."""

    version: ModelVersion
    text: str = ""
    problem: str = ""


def version_try(version: ModelVersion, tokens: int = TEST_TOKENS) -> Trial:
    """Ask it for a few words; its health follows from how that goes."""
    call = Call(version, QUESTION, {"max_tokens": tokens})
    try:
        return Trial(version=version, text="".join(call.pieces()))
    except NoAnswerError as error:
        return Trial(version=version, problem=reason_text(str(error)))


def provider_try(provider: Provider) -> list[Trial]:
    """Ask the versions of a provider that are in use, until one answers."""
    trials = []
    versions = provider.versions.filter(state=VersionState.ACTIVE).select_related("provider")
    for version in versions.order_by("failures", "-created_at")[:3]:
        trials.append(version_try(version, CHECK_TOKENS))
        if not trials[-1].problem:
            break
    return trials


def health_checks_run() -> int:
    """Try all that rest after failures and whose rest is over; return how many came back."""
    resting = {"failures__gte": PAUSE_AFTER, "state": VersionState.ACTIVE}
    providers = Provider.objects.live().filter(_is_due("kind"), **resting)
    returned = sum(any(not t.problem for t in provider_try(one)) for one in providers)
    versions = ModelVersion.objects.served().filter(_is_due("provider__kind"), **resting)
    for version in versions.select_related("provider"):
        returned += not version_try(version, CHECK_TOKENS).problem
    return returned


def _is_due(kind: str) -> Q:
    """Return the filter for what is to be tried now; `kind` leads to the kind of the provider.

    Our own server says itself when it is ready: it is tried at once then, and not before.
    """
    own, over = Q(**{kind: ProviderKind.INFERENCE}), Q(resting_until__lte=Now())
    if readiness().stage is Stage.READY:
        return own | over
    return over & ~own if is_withheld() else over
