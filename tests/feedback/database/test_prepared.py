"""Prepared statements give what Django's own queries give."""

import pytest

from feedback.database.prepared import prepared_first, prepared_objects
from feedback.people.models import Contributor, Rater
from feedback.people.services import named_contributor_create
from feedback.pool.models import Comparison, Response, Turn
from tests.feedback.annotation.campaigns import make_campaign

pytestmark = pytest.mark.django_db

SOURCES = """
  FROM feedback_comparison c JOIN feedback_turn t ON t.id = c.turn_id
  LEFT JOIN feedback_response a ON a.id = c.response_a_id AND a.id <> %(not)s
"""


def columns(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_objects_are_those_of_django():
    make_campaign(tasks=1)
    expected = Comparison.objects.select_related("turn", "response_a").get()
    other = {"not": expected.response_b_id}
    ((c, t, a),) = prepared_objects(SOURCES, other, c=Comparison, t=Turn, a=Response)
    for found, known in ((c, expected), (t, expected.turn), (a, expected.response_a)):
        assert type(found) is type(known)
        assert columns(found) == columns(known)
        assert not found._state.adding


def test_what_an_outer_join_did_not_find_is_none():
    make_campaign(tasks=1)
    first = {"not": Comparison.objects.get().response_a_id}
    ((_, _, a),) = prepared_objects(SOURCES, first, c=Comparison, t=Turn, a=Response)
    assert a is None


def test_the_first_or_none():
    alice = named_contributor_create(name="alice")
    found = prepared_first(Contributor, "x.public_id = %(id)s", {"id": alice.public_id})
    assert found == alice
    assert prepared_first(Rater, "x.id = %(id)s", {"id": alice.id}) is None
