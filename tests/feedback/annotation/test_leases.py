"""A lease is one person's, ends when it is over, and no task is judged more often than wanted."""

import random
import threading
from datetime import timedelta

import pytest
from django.db import close_old_connections, connection, transaction
from django.db.models import Count
from django.utils import timezone

from feedback.annotation.answers import Answer
from feedback.annotation.services import (
    assignment_lease,
    assignment_reclaim,
    assignment_renew,
    assignment_revise,
    assignment_skip,
    assignment_submit,
    assignments_expire,
    task_lease_more,
)
from feedback.annotation.tasks import expire_leases
from feedback.campaigns.models import Assignment, AssignmentState, CampaignState, Task
from feedback.errors import ApplicationError, ConflictError, NotFoundError
from feedback.pool.models import Preference
from feedback.publication.services import judgment_withdraw
from tests.feedback.annotation.campaigns import make_campaign
from tests.feedback.builders import judge, make_contributor

ONE = Answer(choice="1")


def expire(assignment):
    past = timezone.now() - timedelta(seconds=1)
    Assignment.objects.filter(pk=assignment.pk).update(expires_at=past)


def submit(contributor, assignment, answer=ONE, key="k-1"):
    return assignment_submit(
        contributor=contributor, token=assignment.token, answer=answer, idempotency_key=key
    )


def test_next_gives_the_live_assignment_again(alice):
    make_campaign()
    first = assignment_lease(contributor=alice)
    assert first is not None
    assert assignment_lease(contributor=alice) == first


def test_at_most_three_are_held_at_a_time(alice):
    make_campaign(tasks=5)
    held = {task_lease_more(contributor=alice) for _ in range(3)}
    assert len(held) == 3
    assert task_lease_more(contributor=alice) is None
    assert assignment_lease(contributor=alice).id in held


def test_a_task_is_never_met_twice(alice):
    make_campaign(tasks=2, overlap=3)
    first = assignment_lease(contributor=alice)
    submit(alice, first)
    second = assignment_lease(contributor=alice)
    assignment_skip(contributor=alice, token=second.token, reason="cannot_judge")
    assert first.task_id != second.task_id
    assert assignment_lease(contributor=alice) is None


def test_a_comparison_judged_elsewhere_is_not_offered(alice):
    campaign = make_campaign(tasks=1, overlap=2)
    judge(campaign.tasks.get().comparison, alice)
    assert assignment_lease(contributor=alice) is None


def test_the_most_urgent_task_comes_first(alice):
    campaign = make_campaign(tasks=4)
    urgent = campaign.tasks.order_by("shuffle_key").last()
    Task.objects.filter(pk=urgent.pk).update(priority=1.0)
    assert assignment_lease(contributor=alice).task_id == urgent.id


@pytest.mark.parametrize("state", [CampaignState.PAUSED, CampaignState.CLOSED])
def test_a_campaign_that_is_not_open_hands_out_nothing(alice, state):
    make_campaign(state=state)
    assert assignment_lease(contributor=alice) is None


def test_both_orders_are_drawn_and_the_choice_is_stored_by_response(alice):
    make_campaign(tasks=40)
    seen = set()
    for number in range(40):
        assignment = assignment_lease(contributor=alice)
        preference, _ = submit(alice, assignment, key=f"k-{number}")
        assert preference.order_shown == assignment.order_shown
        assert preference.choice == assignment.order_shown[0]
        seen.add(assignment.order_shown)
    assert seen == {"ab", "ba"}


def test_aspects_are_stored_by_response_and_only_those_asked_for(alice):
    make_campaign(aspects=["helpful", "true"])
    assignment = assignment_lease(contributor=alice)
    with pytest.raises(ApplicationError) as refused:
        submit(alice, assignment, Answer(choice="1", aspects={"long": "1"}))
    assert refused.value.fields == {"aspects": "This campaign does not ask for long."}
    preference, _ = submit(
        alice, assignment, Answer(choice="2", aspects={"helpful": "1", "true": "tie"})
    )
    assert preference.aspects == {"helpful": assignment.order_shown[0], "true": "tie"}


def test_a_lease_that_ran_out_is_told_so_and_can_be_taken_again(alice):
    make_campaign(tasks=1)
    late = assignment_lease(contributor=alice)
    expire(late)
    for call in (
        lambda: submit(alice, late),
        lambda: assignment_renew(contributor=alice, token=late.token),
        lambda: assignment_skip(contributor=alice, token=late.token, reason="other"),
    ):
        with pytest.raises(ConflictError) as lost:
            call()
        assert lost.value.code == "lease_lost"
    assert not Preference.objects.exists()
    again = assignment_reclaim(contributor=alice, token=late.token)
    assert again.id == late.id
    assert again.token != late.token
    with pytest.raises(ConflictError) as lost:
        submit(alice, late)
    assert lost.value.code == "lease_lost"
    submit(alice, again)
    assert Assignment.objects.get().state == AssignmentState.SUBMITTED


def test_an_expired_task_goes_to_the_next_person(alice, bob):
    make_campaign(tasks=1)
    expire(assignment_lease(contributor=alice))
    assert assignment_lease(contributor=bob) is None
    expire_leases()
    taken = assignment_lease(contributor=bob)
    assert taken is not None
    assert (
        assignment_reclaim(contributor=alice, token=Assignment.objects.get(contributor=alice).token)
        is None
    )


def test_renewing_moves_the_end_of_the_lease(alice):
    make_campaign()
    assignment = assignment_lease(contributor=alice)
    soon = timezone.now() + timedelta(seconds=5)
    Assignment.objects.filter(pk=assignment.pk).update(expires_at=soon)
    renewed = assignment_renew(contributor=alice, token=assignment.token)
    assert renewed.expires_at > soon + timedelta(minutes=1)


def test_a_change_of_mind_supersedes_and_keeps_the_count(alice):
    make_campaign(tasks=1)
    assignment = assignment_lease(contributor=alice)
    first, _ = submit(alice, assignment)
    second, created = assignment_revise(
        contributor=alice,
        token=assignment.token,
        answer=Answer(choice="tie"),
        idempotency_key="k-2",
    )
    first.refresh_from_db()
    assert (created, first.state, second.supersedes_id) == (True, "superseded", first.id)
    task = Task.objects.get()
    assert (task.taken, task.submitted) == (1, 1)


def test_a_change_of_mind_that_was_receipted_is_receipted_the_same_when_undo_is_over(alice):
    make_campaign(tasks=1)
    assignment = assignment_lease(contributor=alice)
    submit(alice, assignment)
    revision = {
        "contributor": alice,
        "token": assignment.token,
        "answer": Answer(choice="tie"),
        "idempotency_key": "k-2",
    }
    receipt, _ = assignment_revise(**revision)
    judgment_withdraw(public_id=receipt.public_id, actor=alice)
    assert assignment_revise(**revision) == (receipt, False)
    with pytest.raises(ConflictError) as over:
        assignment_revise(**revision | {"idempotency_key": "k-3"})
    assert over.value.code == "undo_over"


def test_an_assignment_of_another_person_does_not_exist_for_you(alice, bob):
    make_campaign()
    assignment = assignment_lease(contributor=alice)
    with pytest.raises(NotFoundError):
        submit(bob, assignment)


def test_a_comparison_judged_elsewhere_meanwhile_is_put_back(alice):
    campaign = make_campaign(tasks=1)
    assignment = assignment_lease(contributor=alice)
    judge(campaign.tasks.get().comparison, alice)
    with pytest.raises(ConflictError) as conflict:
        submit(alice, assignment)
    assert conflict.value.code == "already_judged"
    assert Task.objects.get().taken == 0


# --- many at once ---------------------------------------------------------------------------------


def work(contributor, seed, failures):
    """Take, sometimes dawdle past the end of the lease, judge, until nothing is left."""
    chance = random.Random(seed)
    try:
        idle = 0
        while idle < 20:
            assignment = assignment_lease(contributor=contributor)
            if assignment is None:
                idle += 1
                if Task.objects.filter(submitted__lt=3).count() == 0:
                    return
                assignments_expire()
                continue
            idle = 0
            if chance.random() < 0.15:
                expire(assignment)
            if chance.random() < 0.1:
                assignments_expire()
            try:
                submit(contributor, assignment, key=assignment.token)
            except ConflictError as error:
                if error.code != "lease_lost":
                    raise
    except Exception as error:
        failures.append(error)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_twelve_people_at_once_judge_every_task_exactly_as_often_as_wanted():
    close_old_connections()
    make_campaign(tasks=40, overlap=3)
    people = [make_contributor() for _ in range(12)]
    failures: list[Exception] = []
    threads = [
        threading.Thread(target=work, args=(person, seed, failures))
        for seed, person in enumerate(people)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []
    counted = Preference.objects.filter(state="active").values("comparison")
    per_task = list(counted.annotate(n=Count("id"), people=Count("rater", distinct=True)))
    assert [(row["n"], row["people"]) for row in per_task] == [(3, 3)] * 40
    assert set(Task.objects.values_list("taken", "submitted")) == {(3, 3)}


@pytest.mark.django_db(transaction=True)
def test_one_person_in_many_windows_holds_at_most_three():
    make_campaign(tasks=20)
    person = make_contributor()
    failures: list[Exception] = []

    def prefetch():
        try:
            for _ in range(4):
                task_lease_more(contributor=person)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=prefetch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert failures == []
    assert Assignment.objects.filter(state=AssignmentState.LIVE).count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_lease_taken_anew_while_the_old_one_is_answered_is_not_the_old_one():
    make_campaign(tasks=1)
    person = make_contributor()
    late = assignment_lease(contributor=person)
    expire(late)
    assignments_expire()
    told: list[str] = []

    def answer_late():
        try:
            submit(person, late)
        except ConflictError as error:
            told.append(error.code)
        finally:
            connection.close()

    thread = threading.Thread(target=answer_late)
    with transaction.atomic():
        again = assignment_reclaim(contributor=person, token=late.token)
        thread.start()  # it has read the old lease, and waits for the row
        thread.join(timeout=1)
        assert thread.is_alive()
    thread.join(timeout=60)
    assert told == ["lease_lost"]
    assert Assignment.objects.get().state == AssignmentState.LIVE
    assert again.token != late.token
