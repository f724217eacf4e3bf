"""The scan of the queue: from the cursor on, back for what is urgent, and never in vain."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feedback.annotation import leasing
from feedback.annotation.models import Place
from feedback.annotation.services import assignment_lease, assignment_skip
from feedback.campaigns.models import Assignment, Task
from feedback.database.prepared import prepared_rows
from feedback.people.models import Contributor
from feedback.pool.models import Comparison
from tests.benchmarks.pools import fill_comparisons
from tests.feedback.annotation.campaigns import make_campaign
from tests.feedback.annotation.test_leases import expire, submit
from tests.feedback.annotation.test_tasks_api import Api
from tests.feedback.builders import make_contributor


def walk(contributor, count):
    """The tasks that somebody meets, judging each."""
    met = []
    for _ in range(count):
        assignment = assignment_lease(contributor=contributor)
        if assignment is None:
            break
        met.append(assignment.task_id)
        submit(contributor, assignment, key=assignment.token)
    return met


def line(campaign):
    return list(campaign.tasks.order_by("-priority", "shuffle_key").values_list("id", flat=True))


def test_everybody_walks_along_the_line_in_its_order(alice, bob):
    campaign = make_campaign(tasks=6, overlap=2)
    assert walk(alice, 3) == line(campaign)[:3]
    assert walk(bob, 6) == line(campaign)
    assert walk(alice, 6) == line(campaign)[3:]


def test_what_becomes_the_most_urgent_is_next_and_the_walk_goes_on(alice):
    campaign = make_campaign(tasks=6, overlap=2)
    before = line(campaign)
    assert walk(alice, 2) == before[:2]
    Task.objects.filter(pk=before[4]).update(priority=2.0)
    assert walk(alice, 2) == [before[4], before[2]]


def test_what_comes_free_behind_somebody_is_found_when_nothing_is_ahead(alice, bob):
    campaign = make_campaign(tasks=4)
    first = assignment_lease(contributor=bob)
    assert walk(alice, 3) == line(campaign)[1:]
    assert assignment_lease(contributor=alice) is None
    assignment_skip(contributor=bob, token=first.token, reason="other")
    assert walk(alice, 1) == [first.task_id]


def test_a_walk_begins_anew_after_a_while(alice, bob, monkeypatch):
    monkeypatch.setattr(leasing, "SCAN_STEPS", 2)
    make_campaign(tasks=8)
    first = assignment_lease(contributor=bob)
    met = walk(alice, 2)
    assignment_skip(contributor=bob, token=first.token, reason="other")
    met += walk(alice, 3)
    assert first.task_id in met
    assert len(set(met)) == 5


def test_a_hold_of_ones_own_that_ran_out_is_offered_again(alice):
    make_campaign(tasks=1)
    late = assignment_lease(contributor=alice)
    expire(late)
    assert assignment_lease(contributor=alice).task_id == late.task_id


def test_what_an_adopted_person_judged_is_not_offered_again(alice):
    make_campaign(tasks=2, overlap=2)
    before = make_contributor()
    (met,) = walk(before, 1)
    Contributor.objects.filter(pk=before.pk).update(adopted_by=alice)
    assert met not in walk(alice, 2)


def test_a_campaign_that_had_nothing_is_asked_last(alice):
    make_campaign(tasks=1, slug="first")
    make_campaign(tasks=3, slug="second")
    walk(alice, 2)
    assert Place.objects.get(campaign__slug="first").empty_at <= timezone.now()
    walk(alice, 1)
    assert assignment_lease(contributor=alice).task.campaign.slug == "second"


@pytest.mark.parametrize("order", ["first look", "place kept"])
def test_the_line_is_walked_by_its_index(alice, order):
    campaign = make_campaign(tasks=0)
    fill_comparisons(3000)
    Task.objects.bulk_create(
        Task(campaign=campaign, comparison=one, wanted=3, shuffle_key=number)
        for number, one in enumerate(Comparison.objects.all())
    )
    if order == "place kept":
        walk(alice, 1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE feedback_task")
    values = leasing._values(alice, campaign.id)
    plan = "\n".join(row[0] for row in prepared_rows(f"EXPLAIN {leasing.SCAN}", values))
    assert plan.count("Index Scan using task_line") == 4, plan
    assert "Sort" not in plan


# --- round trips ----------------------------------------------------------------------------------


def test_submit_and_next_take_few_statements(alice):
    campaign = make_campaign(tasks=5, gold_share=0)  # a known answer comes by chance
    api = Api(alice)

    def take():
        return api.post("tasks/next/", {"campaign": campaign.slug}).json()["assignment"]

    api.submit(take(), {"choice": "1"}, key="warm")
    with CaptureQueriesContext(connection) as queries:
        token = take()
    assert _statements(queries) == 7  # key, rate, campaign, lock, holds, lease, texts
    with CaptureQueriesContext(connection) as queries:
        assert api.submit(token, {"choice": "1"}).status_code == 201
    assert _statements(queries) == 5  # key, rate, lock, insert, finish


def test_the_page_takes_few_statements(alice, client_of):
    campaign = make_campaign(tasks=5, gold_share=0)
    browser, stay = client_of(alice), {"campaign": campaign.slug}

    def judge(key):
        token = Assignment.objects.get(state="live").token
        form = {"assignment": token, "key": key, "choice": "1"}
        return browser.post(
            "/annotate/task/judge/", form | stay, headers={"Accept": "application/json"}
        )

    browser.post("/annotate/task/next/", stay)
    judge("warm")
    with CaptureQueriesContext(connection) as queries:
        assert browser.post("/annotate/task/next/", stay).status_code == 200
    # session, person, consent, campaign, lock, holds, lease, task, today, left
    assert _statements(queries) == 10
    with CaptureQueriesContext(connection) as queries:
        assert judge("counted").status_code == 201
    # session, person, consent, lock, insert, finish, known answer, today; and the token above
    assert _statements(queries) == 8 + 1


def _statements(queries):
    said = [str(query["sql"]) for query in queries.captured_queries]
    return sum(not text.startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")) for text in said)
