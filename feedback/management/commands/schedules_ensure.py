"""`manage.py schedules_ensure`: the periodic work of the site, made idempotently."""

from typing import Any

from feedback.management.json_command import JsonCommand
from feedback.operations.schedules import schedules_ensure


class Command(JsonCommand):
    """Write the periodic tasks that the site needs into the schedule."""

    help = __doc__ or ""

    def run(self, **_options: Any) -> dict[str, Any]:
        """Write them."""
        return {"schedules": schedules_ensure()}
