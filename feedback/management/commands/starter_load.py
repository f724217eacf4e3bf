"""`manage.py starter_load`: the starter pool into this site."""

from argparse import ArgumentParser
from typing import Any

from feedback.management.json_command import JsonCommand
from feedback.operations.starter import starter_load, starter_was_loaded


class Command(JsonCommand):
    """Load prompts, answers and judgments for a first look round; a repeat adds nothing."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whether it may come back."""
        parser.add_argument(
            "--once", action="store_true", help="not where it was loaded before, even if removed"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        """Load it."""
        if options["once"] and starter_was_loaded():
            return {"created": {}, "duplicates": 0, "tasks": 0}
        return starter_load()
