"""Commands for scripts: the last line of standard output is one JSON object.

Without a database they end at once: the pool would try for ten seconds and then print a traceback.
"""

import json
from abc import abstractmethod
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from feedback.database.availability import database_probe
from feedback.errors import ApplicationError
from trainers.errors import InputError

UNUSABLE_INPUT = 2
NO_DATABASE = "The database does not answer. Is `make run` running? (or set DATABASE_URL)"


class JsonCommand(BaseCommand):
    """Prints what `run` returns; unusable input ends with a message and exit status 2."""

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run, then print."""
        _require_database()
        try:
            result = self.run(**options)
        except InputError as error:
            raise CommandError(str(error), returncode=UNUSABLE_INPUT) from error
        except ApplicationError as error:
            fields = (error.fields or {}).items()
            message = "\n".join([error.message, *(f"{name}: {why}" for name, why in fields)])
            raise CommandError(message, returncode=UNUSABLE_INPUT) from error
        self.stdout.write(json.dumps(result, ensure_ascii=False))

    @abstractmethod
    def run(self, **options: Any) -> dict[str, Any]:
        """Do the work; what is returned becomes the line of JSON."""


def _require_database() -> None:
    """Raise CommandError where the database is away, with the reason if an address is given."""
    if not settings.DATABASE_URL:
        raise CommandError(NO_DATABASE, returncode=1)
    try:
        database_probe()
    except psycopg.OperationalError as error:
        reason = str(error).partition("\n")[0]
        raise CommandError(f"{NO_DATABASE} {reason}", returncode=1) from error
