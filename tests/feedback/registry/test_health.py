"""Failures pause a provider, people no longer meet it at once, and a health check ends that."""

from datetime import timedelta

import pytest
from django.utils import timezone

from feedback.registry.errors import NoAnswerError
from feedback.registry.health import (
    FIRST_REST,
    LONGEST_REST,
    PAUSE_AFTER,
    live_versions,
    well_versions,
)
from feedback.registry.health_check import health_checks_run, provider_try
from feedback.registry.models import ModelVersion, Provider, VersionState
from feedback.registry.providers import Call
from feedback.registry.selectors import health_of
from feedback.registry.tasks import health_check
from feedback.routing.selectors import routable_versions
from tests.feedback.builders import make_version

pytestmark = pytest.mark.django_db
ASKED = [{"role": "user", "content": "What is tea?"}]


def fail(version: ModelVersion, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(NoAnswerError):
            list(Call(version, ASKED).pieces())


def rest_over(of: Provider | ModelVersion) -> None:
    type(of).objects.filter(pk=of.pk).update(resting_until=timezone.now() - timedelta(seconds=1))


def provider_of(version: ModelVersion) -> Provider:
    return Provider.objects.get(pk=version.provider_id)


def rest_of(of: Provider | ModelVersion) -> timedelta:
    assert of.resting_until is not None
    return of.resting_until - timezone.now()


def test_three_failures_pause_it_and_routing_leaves_it_out_at_once(version_at):
    version, other = version_at("500"), make_version("Recorded Model")
    fail(version, PAUSE_AFTER - 1)
    assert version in live_versions()
    assert health_of(provider_of(version))["state"] == "failing"
    fail(version)
    assert version not in live_versions()
    assert list(well_versions()) == routable_versions() == [other]
    found = health_of(provider_of(version))
    assert found["state"] == "resting"
    assert found["last_error"] == "It answered with an error (status 500)."
    assert health_of(version)["state"] == "active"  # as it was read before its provider failed
    version = ModelVersion.objects.get(pk=version.pk)
    assert health_of(version)["words"] == "Waiting for its provider"
    assert found["since"] <= found["last_error_at"] <= found["next_try"]
    assert timedelta() < rest_of(provider_of(version)) <= FIRST_REST


def test_all_models_of_the_provider_rest_with_it_and_those_of_others_do_not(version_at):
    version, good = version_at("500"), version_at("good")
    sibling = make_version("Sibling")
    ModelVersion.objects.filter(pk=sibling.pk).update(provider=version.provider)
    fail(version, PAUSE_AFTER)
    assert list(live_versions()) == [good]


def test_the_rest_doubles_up_to_its_limit_and_does_not_end_by_itself(version_at):
    version = version_at("500")
    fail(version, PAUSE_AFTER)
    expected = FIRST_REST
    for _ in range(9):
        rest_over(version.provider)
        assert version not in live_versions()
        assert health_checks_run() == 0
        expected = min(expected * 2, LONGEST_REST)
        assert expected - timedelta(seconds=5) < rest_of(provider_of(version)) <= expected
    assert expected == LONGEST_REST


def test_calls_under_way_when_the_pause_began_do_not_make_it_longer(version_at):
    version = version_at("500")
    fail(version, PAUSE_AFTER + 4)
    assert provider_of(version).failures == PAUSE_AFTER
    assert rest_of(provider_of(version)) <= FIRST_REST


def test_the_probe_is_cheap_and_brings_it_back(version_at, bad_server):
    bad_server.ways["mended"] = "500"
    version = version_at("mended")
    fail(version, PAUSE_AFTER)
    health_check()
    assert len(bad_server.asked) == PAUSE_AFTER  # not before its rest is over
    rest_over(version.provider)
    bad_server.ways["mended"] = "good"
    health_check()
    assert bad_server.asked[-1][1]["max_tokens"] == 1
    assert version in live_versions()
    mended = provider_of(version)
    assert (mended.failures, mended.failing_since, mended.resting_until) == (0, None, None)
    assert mended.last_error == "status 500"  # operators still see what it was


def test_an_answer_in_between_begins_the_count_anew(version_at, bad_server):
    bad_server.ways["moody"] = "500"
    version = version_at("moody")
    fail(version, PAUSE_AFTER - 1)
    bad_server.ways["moody"] = "good"
    list(Call(version, ASKED).pieces())
    bad_server.ways["moody"] = "500"
    fail(version, PAUSE_AFTER - 1)
    assert version in live_versions()


def test_a_server_that_asks_for_a_pause_gets_it_and_comes_back_by_itself(version_at):
    version = version_at("many")
    fail(version)
    assert version not in live_versions()
    assert timedelta(seconds=115) < rest_of(provider_of(version)) <= timedelta(seconds=120)
    rest_over(version.provider)
    assert version in live_versions()


def test_one_that_is_busy_for_a_moment_is_not_unwell_and_nobody_leaves_it(version_at):
    version = version_at("crowded")
    fail(version, PAUSE_AFTER + 2)
    assert version in live_versions()
    assert health_of(provider_of(version))["state"] == "active"


def test_one_that_is_away_for_long_is_left_alone_for_as_long(version_at):
    version = version_at("closed")
    fail(version)
    assert version not in live_versions()
    assert timedelta(seconds=295) < rest_of(provider_of(version)) <= timedelta(seconds=300)


def test_a_prompt_that_is_too_long_says_by_how_much(version_at):
    version = version_at("short")
    with pytest.raises(NoAnswerError) as told:
        list(Call(version, ASKED).pieces())
    assert str(told.value) == "prompt too long: 4927 of 4097"
    assert provider_of(version).failures == 0


def test_the_comments_of_a_queue_are_signs_of_life(version_at):
    pieces = list(Call(version_at("queue"), ASKED).pieces())
    assert pieces == ["", "", "", "Tea ", "is ", "a leaf."]


def test_a_model_that_its_server_does_not_know_rests_alone(version_at):
    version = version_at("404")
    sibling = make_version("Sibling")
    ModelVersion.objects.filter(pk=sibling.pk).update(provider=version.provider)
    fail(version, PAUSE_AFTER)
    assert list(live_versions()) == [sibling]
    assert provider_of(version).failures == 0


def test_a_prompt_that_is_refused_blames_nobody(version_at):
    version = version_at("400")
    fail(version, PAUSE_AFTER + 2)
    assert version in live_versions()


def test_our_own_limit_is_kept_and_leaves_it_out_until_it_may_be_asked(version_at, bad_server):
    version = version_at("good", requests_per_minute=2)
    for _ in range(2):
        list(Call(version, ASKED).pieces())
    with pytest.raises(NoAnswerError, match="our limit") as caught:
        list(Call(version, ASKED).pieces())
    assert 0 < caught.value.retry_after <= 31
    assert len(bad_server.asked) == 2
    assert version not in live_versions()
    assert provider_of(version).failures == 0
    rest_over(version.provider)
    assert version in live_versions()


@pytest.mark.parametrize("state", [VersionState.PAUSED, VersionState.RETIRED])
def test_what_an_operator_took_away_is_left_out_and_not_probed(version_at, bad_server, state):
    version = version_at("500")
    fail(version, PAUSE_AFTER)
    rest_over(version.provider)
    Provider.objects.update(state=state)
    asked = len(bad_server.asked)
    assert health_checks_run() == 0
    assert len(bad_server.asked) == asked
    assert health_of(provider_of(version))["state"] == state
    assert version not in live_versions()


def test_an_operator_tries_at_any_time(version_at, bad_server):
    bad_server.ways["mended"] = "500"
    version = version_at("mended")
    fail(version, PAUSE_AFTER)
    trials = provider_try(provider_of(version))
    assert [trial.problem for trial in trials] == ["It answered with an error (status 500)."]
    assert rest_of(provider_of(version)) <= FIRST_REST
    bad_server.ways["mended"] = "good"
    assert [trial.text for trial in provider_try(provider_of(version))] == ["Tea is a leaf."]
    assert version in live_versions()
