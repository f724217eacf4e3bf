"""A run is claimed once, kept by heartbeats, and taken up again when its worker vanishes."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from feedback.errors import ApplicationError, ConflictError, InvalidError
from feedback.people.models import AuditEvent, Contributor
from feedback.training.execution.leases import (
    ATTEMPTS,
    LeaseLostError,
    has_claimable_run,
    lost_runs_end,
    run_claim,
    run_fail,
    run_heartbeat,
    run_release,
    run_succeed,
)
from feedback.training.models import RunState, TrainingRun
from feedback.training.services import run_cancel, run_request
from feedback.training.tasks import run_scheduled

pytestmark = pytest.mark.django_db


def test_the_oldest_queued_run_is_claimed_first() -> None:
    first, second = run_request(kind="ranking"), run_request(kind="reward")
    claims = [run_claim(worker="w"), run_claim(worker="w"), run_claim(worker="w")]
    assert [claim.run_id if claim else None for claim in claims] == [first.id, second.id, None]


@pytest.mark.django_db(transaction=True)
def test_many_workers_never_claim_the_same_run() -> None:
    wanted = {run_request(kind="ranking", seed=seed).id for seed in range(6)}

    def work(_number: int) -> list[object]:
        try:
            return [claim.run_id for _ in range(3) if (claim := run_claim(worker="w"))]
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        claimed = [run_id for found in pool.map(work, range(6)) for run_id in found]
    assert sorted(claimed) == sorted(wanted)


def test_a_live_lease_keeps_others_away_and_an_expired_one_does_not(expire) -> None:
    run = run_request(kind="ranking")
    first = run_claim(worker="one")
    assert first is not None
    assert run_claim(worker="two") is None
    expire(run)
    assert has_claimable_run()
    second = run_claim(worker="two")
    assert second is not None
    assert second.attempt == 2


def test_an_old_attempt_can_write_nothing_any_more(expire) -> None:
    run = run_request(kind="ranking")
    old = run_claim(worker="one")
    assert old is not None
    expire(run)
    new = run_claim(worker="two")
    assert new is not None
    for write in (
        lambda: run_heartbeat(claim=old, values={"progress": 0.9}),
        lambda: run_succeed(claim=old, metrics={"accuracy": 1.0}),
        lambda: run_fail(claim=old, error="old"),
        lambda: run_release(claim=old, reason="old"),
    ):
        with pytest.raises(LeaseLostError):
            write()
    run_heartbeat(claim=new, values={"progress": 0.5})
    run.refresh_from_db()
    assert (run.state, run.progress, run.error) == (RunState.RUNNING, 0.5, "")


def test_a_heartbeat_renews_the_lease_on_the_clock_of_the_database(expire) -> None:
    run = run_request(kind="ranking")
    claim = run_claim(worker="one")
    assert claim is not None
    expire(run)
    assert run_heartbeat(claim=claim, values={}) is False
    assert not has_claimable_run()


def test_after_the_last_attempt_an_expired_run_has_failed(expire) -> None:
    run = run_request(kind="ranking")
    for _ in range(ATTEMPTS):
        assert run_claim(worker="w") is not None
        expire(run)
    assert run_claim(worker="w") is None
    assert lost_runs_end() == 1
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert "vanished 3 times" in run.error


def test_a_released_run_is_queued_again_until_its_attempts_are_used_up() -> None:
    run = run_request(kind="ranking")
    for _ in range(ATTEMPTS):
        claim = run_claim(worker="w")
        assert claim is not None
        run_release(claim=claim, reason="Killed.")
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert run.error == "Killed. It was tried 3 times."


def test_cancelling_ends_a_queued_run_and_tells_the_worker_of_a_running_one(
    olivia: Contributor,
) -> None:
    running = run_request(kind="ranking")
    claim = run_claim(worker="w")
    assert claim is not None
    queued = run_request(kind="reward")
    assert run_cancel(run=queued, actor=olivia).state == RunState.CANCELLED
    assert run_cancel(run=running, actor=olivia).state == RunState.RUNNING
    assert run_heartbeat(claim=claim, values={}) is True
    with pytest.raises(ConflictError, match="has ended"):
        run_cancel(run=queued, actor=olivia)
    assert AuditEvent.objects.filter(action="run.cancel", actor=olivia).count() == 2


def test_a_cancelled_run_whose_worker_vanished_is_not_taken_up_again(
    olivia: Contributor, expire
) -> None:
    run = run_request(kind="ranking")
    run_claim(worker="w")
    run_cancel(run=run, actor=olivia)
    expire(run)
    assert run_claim(worker="w") is None
    lost_runs_end()
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED


def test_an_unknown_kind_is_refused_with_the_kinds_there_are() -> None:
    with pytest.raises(ApplicationError, match="reward, embedding, policy, ranking"):
        run_request(kind="telepathy")
    assert not TrainingRun.objects.exists()


@pytest.mark.parametrize("name", ["optim.num_train_epochs", "not a name", "seed"])
def test_settings_that_cannot_be_passed_on_are_refused(name: str) -> None:
    with pytest.raises(InvalidError) as refused:
        run_request(kind="reward", config={name: [1]})
    assert list(refused.value.fields or {}) == [name]
    assert not TrainingRun.objects.exists()


def test_infinity_is_stored_as_text_since_json_has_no_such_number() -> None:
    given = {"scaling.variant": "quadratic", "scaling.tau_max": "inf"}
    run = run_request(kind="reward", config=given)
    run.refresh_from_db()
    assert run.config == given


def test_a_schedule_of_an_unknown_kind_is_written_down_and_queues_nothing() -> None:
    run_scheduled(kind="telepathy")
    event = AuditEvent.objects.get(action="schedule.refused")
    assert event.detail["kind"] == "telepathy"
    assert "no kind of training" in event.detail["problem"]
    assert not TrainingRun.objects.exists()
