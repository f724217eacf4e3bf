"""Rate limits: exact under concurrency, evenly over time, and told in the contract's shape."""

import threading
import time

import pytest
from django.db import connection

from feedback.errors import RateLimitedError
from feedback.people.models import RateLimit
from feedback.people.rate_limits.limits import Rate, limit_take, limits_sweep


def taken(key: str, rate: Rate) -> bool:
    try:
        limit_take(key=key, rate=rate)
    except RateLimitedError:
        return False
    return True


@pytest.mark.django_db
def test_so_many_at_once_and_no_more_and_each_key_for_itself() -> None:
    rate = Rate(5, per=3600)
    assert [taken("a", rate) for _ in range(7)] == [True] * 5 + [False] * 2
    assert taken("b", rate)


@pytest.mark.django_db
def test_the_refusal_says_when_the_next_one_is_free() -> None:
    rate = Rate(60, per=3600, burst=2)
    for _ in range(2):
        limit_take(key="a", rate=rate)
    with pytest.raises(RateLimitedError) as refused:
        limit_take(key="a", rate=rate)
    assert 58 <= refused.value.retry_after <= 60
    assert refused.value.code == "rate_limited"
    assert f"{refused.value.retry_after} seconds" in refused.value.message


@pytest.mark.django_db
def test_a_refusal_costs_nothing() -> None:
    rate = Rate(1, per=3600)
    limit_take(key="a", rate=rate)
    before = RateLimit.objects.get(key="a").paid_at
    assert not taken("a", rate)
    assert RateLimit.objects.get(key="a").paid_at == before


def reference(times: list[float], rate: Rate) -> list[bool]:
    """The same rule, naively: a bucket that drains one every step."""
    owed, last, allowed = 0.0, 0.0, []
    for now in times:
        owed, last = max(0.0, owed - (now - last)), now
        fits = owed + rate.step <= rate.room + 1e-9
        owed += rate.step if fits else 0
        allowed.append(fits)
    return allowed


@pytest.mark.django_db
def test_it_agrees_with_a_bucket_that_drains() -> None:
    rate, times, got = Rate(10, per=6, burst=3), [], []
    begin = time.monotonic()
    for pause in (0, 0, 0, 0, 0.33, 0.93, 0.03, 1.35, 0, 0):
        time.sleep(pause)
        times.append(time.monotonic() - begin)
        got.append(taken("a", rate))
    assert got == reference(times, rate)
    assert True in got
    assert False in got


@pytest.mark.django_db(transaction=True)
def test_exact_when_many_come_at_once() -> None:
    rate, results = Rate(20, per=3600), []

    def visitor() -> None:
        results.extend(taken("a", rate) for _ in range(5))
        connection.close()

    threads = [threading.Thread(target=visitor) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(True) == 20
    assert results.count(False) == 40


@pytest.mark.django_db
def test_what_owes_nothing_is_forgotten() -> None:
    limit_take(key="quick", rate=Rate(1000, per=1))
    limit_take(key="slow", rate=Rate(1, per=3600))
    time.sleep(0.01)
    assert limits_sweep() == 1
    assert RateLimit.objects.get().key == "slow"


@pytest.mark.django_db
def test_the_table_is_light() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'feedback_ratelimit'")
        assert cursor.fetchone() == ("u",)
