"""What routes remember for a moment, and what they never remember."""

import pytest
from pytest_django import Settings

from feedback.errors import UnavailableError
from feedback.registry.models import VersionState
from feedback.routing.selectors import routable_versions
from feedback.routing.services import models_route
from feedback.routing.ttl_cache import cached_for_a_second
from tests.feedback.builders import make_version

QUESTION = [{"role": "user", "content": "Which one?"}]


def test_a_result_is_kept_for_its_moment_and_no_longer(settings: Settings) -> None:
    calls: list[int] = []

    @cached_for_a_second
    def count() -> int:
        calls.append(1)
        return len(calls)

    settings.ROUTING_MOMENT_SECONDS = 60.0
    assert (count(), count()) == (1, 1)
    settings.ROUTING_MOMENT_SECONDS = 0.0
    assert (count(), count()) == (2, 3)


@pytest.mark.django_db
def test_a_model_that_was_paused_is_left_out_at_once(settings: Settings) -> None:
    even, odd, paused = (make_version(name) for name in ("Even", "Odd", "Paused"))
    routable_versions()
    settings.ROUTING_MOMENT_SECONDS = 60.0
    paused.state = VersionState.PAUSED
    paused.save()
    candidates = routable_versions()
    assert paused in candidates  # as of a moment ago
    routed = models_route(messages=QUESTION, candidates=candidates)
    assert {one.version for one in routed.chosen} == {even, odd}
    odd.state = VersionState.PAUSED
    odd.save()
    with pytest.raises(UnavailableError, match="1 can answer"):
        models_route(messages=QUESTION, candidates=routable_versions())
