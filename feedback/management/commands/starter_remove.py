"""`manage.py starter_remove`: the starter pool out of this site."""

from typing import Any

from feedback.management.json_command import JsonCommand
from feedback.operations.starter_removal import starter_remove


class Command(JsonCommand):
    """Remove the starter pool, less what people judged or other data use."""

    help = __doc__ or ""

    def run(self, **_options: Any) -> dict[str, Any]:
        """Remove it."""
        return starter_remove()
