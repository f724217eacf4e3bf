"""`manage.py prepare`: migrations, periodic tasks, and the first operator's invitation."""

from dataclasses import asdict
from typing import Any

from feedback.management.json_command import JsonCommand
from feedback.operations.preparation import site_prepare


class Command(JsonCommand):
    """Prints `{"migrations", "schedules", "invitation"}`; the last is null once there is one."""

    help = "Bring the database up to date. It may run at every start, and on several machines."

    def run(self, **_options: Any) -> dict[str, Any]:
        """Prepare the site."""
        return asdict(site_prepare())
