"""`manage.py prepare`: migrations, periodic tasks, house models, an invitation of an operator."""

from dataclasses import asdict
from typing import Any

from feedback.management.json_command import JsonCommand
from feedback.operations.preparation import site_prepare


class Command(JsonCommand):
    """Prints `{"migrations", "schedules", "house_models", "invitation"}`.

    The last is null once there is an operator.
    """

    help = "Bring the database up to date. It may run at every start, and on several machines."

    def run(self, **_options: Any) -> dict[str, Any]:
        """Prepare the site."""
        return asdict(site_prepare())
