"""The cache that all web processes share."""

import json
import time

import pytest
from django.core.cache import cache
from django.db import connection

from feedback.people.cache import cache_sweep
from feedback.people.models import CacheEntry

pytestmark = pytest.mark.django_db


def test_what_is_kept_comes_back_until_its_time_has_passed() -> None:
    cache.set("a", [1.5, "x"], 60)
    cache.set("soon", True, 0.5)
    assert (cache.get("a"), cache.get("soon"), cache.get("b", 7)) == ([1.5, "x"], True, 7)
    time.sleep(0.6)
    assert cache.get("soon") is None
    assert cache_sweep() == 1
    assert cache.get("a") == [1.5, "x"]


def test_a_lock_is_taken_once_and_again_when_it_has_run_out() -> None:
    assert cache.add("lock", True, 0.5)
    assert not cache.add("lock", True, 60)
    time.sleep(0.6)
    assert cache.add("lock", True, 60)
    assert cache.delete("lock")
    assert not cache.delete("lock")


def test_a_value_may_stay_for_ever_or_be_touched() -> None:
    cache.set("kept", 1, None)
    assert cache.touch("kept", 0.01)
    assert not cache.touch("missing", 60)
    time.sleep(0.02)
    assert cache.get("kept") is None
    cache.set("kept", 2, None)
    assert cache_sweep() == 0
    assert cache.get("kept") == 2


def test_it_lies_in_the_table_as_json_and_not_in_the_log_of_the_database() -> None:
    cache.set("a", {"n": 1}, 60)
    with connection.cursor() as cursor:
        cursor.execute("SELECT value::text FROM feedback_cacheentry")
        assert json.loads(cursor.fetchone()[0]) == {"n": 1}
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'feedback_cacheentry'")
        assert cursor.fetchone() == ("u",)
    cache.clear()
    assert not CacheEntry.objects.exists()
