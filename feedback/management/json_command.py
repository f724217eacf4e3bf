"""Commands for scripts: the last line of standard output is one JSON object."""

import json
from abc import abstractmethod
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from feedback.errors import ApplicationError
from trainers.errors import InputError

UNUSABLE_INPUT = 2


class JsonCommand(BaseCommand):
    """Prints what `run` returns; unusable input ends with a message and exit status 2."""

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run, then print."""
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
        """What the command does; its result becomes the line of JSON."""
