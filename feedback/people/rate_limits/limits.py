"""How often someone may do something: the generic cell rate algorithm, one statement a request.

Each key has one time, the moment at which everything taken so far will have been paid off. Taking
one puts it off by `per / count` seconds, and is refused where it would then lie more than `burst`
such steps ahead. Nothing is counted in windows, so nobody gets twice the rate at an edge of one.
(ITU-T I.371, annex A; the clock is the database's, so that all web processes agree.)
"""

import math
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import ngettext

from feedback.database.prepared import prepared_rows
from feedback.errors import RateLimitedError
from feedback.people.models import RateLimit

# Refused: how many seconds to wait. The statement sees the row as it was before another request
# made it; then it waits a step.
TAKE = """
WITH taken AS (
  INSERT INTO feedback_ratelimit AS l (key, paid_at)
  VALUES (%(key)s, statement_timestamp() + make_interval(secs => %(step)s))
  ON CONFLICT (key) DO UPDATE
     SET paid_at = GREATEST(l.paid_at, statement_timestamp()) + make_interval(secs => %(step)s)
   WHERE GREATEST(l.paid_at, statement_timestamp()) + make_interval(secs => %(step)s)
         <= statement_timestamp() + make_interval(secs => %(room)s)
  RETURNING 1
)
SELECT EXISTS (SELECT FROM taken),
       extract(epoch FROM (SELECT paid_at FROM feedback_ratelimit WHERE key = %(key)s)
                          - statement_timestamp())
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds, evenly; `burst` of them may come at once (default: all)."""

    count: int
    per: float
    burst: int | None = None

    @property
    def step(self) -> float:
        """Return the seconds that one of them takes to be paid off."""
        return self.per / self.count

    @property
    def room(self) -> float:
        """Return the seconds that may be owed at most."""
        return self.step * (self.burst or self.count)


def limit_take(*, key: str, rate: Rate) -> None:
    """Count one against the key; a `RateLimitedError` where there were too many already.

    A key names what is limited and whose it is, such as `arena:person:<id>`. Called inside a
    transaction it holds the key until that ends, and a rollback gives the one back.
    """
    ((taken, owed),) = prepared_rows(TAKE, {"key": key, "step": rate.step, "room": rate.room})
    if taken:
        return
    wait = rate.step if owed is None else float(owed) + rate.step - rate.room
    raise too_many(max(1, math.ceil(wait)))


def too_many(seconds: int) -> RateLimitedError:
    """Return the refusal, which says how long to wait."""
    minutes = math.ceil(seconds / 60)
    if seconds <= 90:
        wait = ngettext("a second", "%(n)d seconds", seconds) % {"n": seconds}
    else:
        wait = ngettext("a minute", "%(n)d minutes", minutes) % {"n": minutes}
    return RateLimitedError(wait, retry_after=seconds)


def limits_sweep() -> int:
    """Forget the keys that owe nothing any more; how many those were."""
    deleted, _ = RateLimit.objects.filter(paid_at__lt=timezone.now()).delete()
    return deleted
