"""How often the database is asked does not grow with what somebody gave."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from feedback.contributions.account_deletion import account_close
from feedback.contributions.download import own_data
from feedback.people.models import AuditEvent, Contributor
from feedback.pool.lifecycle import judgments_publish
from feedback.pool.models import Conversation, Preference, Turn
from feedback.pool.reactions import reaction_record
from tests.feedback.builders import judge, make_comparison, make_contributor, make_turn

pytestmark = pytest.mark.django_db


def contribute(contributor: Contributor, times: int) -> None:
    """Judge, react and ask so many times; every other judgment is published."""
    for number in range(times):
        given = judge(make_comparison(), contributor, rationale="Clear.")
        if number % 2:
            judgments_publish()
        reaction_record(
            response=given.comparison.response_a, rater=given.rater, kind="thumb", value="up"
        )
        own = Conversation.objects.create(source="arena", contributor=contributor)
        for position in range(2):
            Turn.objects.filter(pk=make_turn(f"{number} {position}").pk).update(
                conversation=own, position=position
            )


def queries_of(function, *args, **kwargs) -> int:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        function(*args, **kwargs)
    return len(seen)


def test_an_account_is_deleted_in_one_go(settings: Settings) -> None:
    settings.PUBLICATION_DELAY_SECONDS = 0
    few, many = make_contributor("Few"), make_contributor("Many")
    contribute(few, 1)
    contribute(many, 9)
    asked = queries_of(account_close, contributor=few, withdraw=True)
    assert queries_of(account_close, contributor=many, withdraw=True) == asked
    given = Preference.objects.filter(rater__contributor=many)
    assert set(given.values_list("state", "rationale")) == {("withdrawn", "")}
    assert given.filter(removed_number=None).count() < 9
    withdrawals = AuditEvent.objects.filter(action="preference.withdraw", actor=many)
    assert withdrawals.values("subject").distinct().count() == 9


def test_the_download_reads_all_turns_at_once() -> None:
    few, many = make_contributor("Few"), make_contributor("Many")
    contribute(few, 1)
    contribute(many, 9)
    asked = queries_of(own_data, few)
    assert queries_of(own_data, many) == asked
    conversations = own_data(many)["conversations"]
    assert [len(one["turns"]) for one in conversations] == [2] * 9
    assert conversations[3]["turns"][1][0]["content"] == "3 1"


def test_the_page_of_contributions_asks_as_often_for_many(client_of) -> None:
    few, many = make_contributor("Few"), make_contributor("Many")
    contribute(few, 1)
    contribute(many, 9)
    asked = queries_of(client_of(few).get, "/contributions/")
    assert queries_of(client_of(many).get, "/contributions/") == asked
