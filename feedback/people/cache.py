"""A cache that all web processes share: a table, values as JSON.

Django's own database cache pickles what it keeps. What needs to be shared here is small: counts of
failed sign-ins, and one-time codes that were used.
"""

import json
from datetime import UTC, datetime
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection

from feedback.people.models import CacheEntry

ADD = """
INSERT INTO feedback_cacheentry AS c (key, value, expires_at) VALUES (%(key)s, %(value)s, %(at)s)
ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at
 WHERE c.expires_at <= statement_timestamp()
"""
SET = """
INSERT INTO feedback_cacheentry (key, value, expires_at) VALUES (%(key)s, %(value)s, %(at)s)
ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at
"""


class SharedCache(BaseCache):
    """Django's cache interface over the table of `CacheEntry`."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """Return the value, or the default where there is none or its time has passed."""
        found = CacheEntry.objects.filter(key=self.make_and_validate_key(key, version)).first()
        if found is None or (found.expires_at and found.expires_at <= datetime.now(UTC)):
            return default
        return found.value

    def set(
        self,
        key: str,
        value: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> None:
        """Keep the value under the key."""
        self._write(SET, key, value, timeout, version)

    def add(
        self,
        key: str,
        value: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        """Keep the value where there is none; whether that was so."""
        return self._write(ADD, key, value, timeout, version) == 1

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Keep what is there for another while."""
        found = CacheEntry.objects.filter(key=self.make_and_validate_key(key, version))
        return found.update(expires_at=self._expiry(timeout)) == 1

    def delete(self, key: str, version: int | None = None) -> bool:
        """Forget the key; whether it was there."""
        found = CacheEntry.objects.filter(key=self.make_and_validate_key(key, version))
        return found.delete()[0] == 1

    def clear(self) -> None:
        """Forget everything."""
        CacheEntry.objects.all().delete()

    def _write(self, statement: str, key: str, value: Any, timeout: Any, version: Any) -> int:
        values = {
            "key": self.make_and_validate_key(key, version),
            "value": json.dumps(value),
            "at": self._expiry(timeout),
        }
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return int(cursor.rowcount)

    def _expiry(self, timeout: Any) -> datetime | None:
        until = self.get_backend_timeout(timeout)
        return None if until is None else datetime.fromtimestamp(max(until, 0), UTC)


def cache_sweep() -> int:
    """Forget what has expired; how much that was."""
    expired = CacheEntry.objects.filter(expires_at__lte=datetime.now(UTC))
    return expired.delete()[0]
