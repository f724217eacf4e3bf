"""`manage.py route --prompt TEXT`: which models a person would see for a prompt."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from feedback.errors import ApplicationError
from feedback.routing.selectors import routable_versions, route_body
from feedback.routing.services import PolicyName, models_route


class Command(BaseCommand):
    """Prints what `POST /api/v1/route/` answers."""

    help = "Choose the models for a prompt and print the decision as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        """The prompt, how many models, and the policy."""
        parser.add_argument("--prompt", required=True)
        parser.add_argument("--k", type=int, default=2)
        parser.add_argument("--policy", default=PolicyName.AUTO, choices=PolicyName.values)

    def handle(self, **options: Any) -> None:
        """Route, log, print."""
        try:
            routed = models_route(
                messages=[{"role": "user", "content": options["prompt"]}],
                candidates=routable_versions(),
                k=options["k"],
                policy=options["policy"],
            )
        except ApplicationError as error:
            raise CommandError(error.message, returncode=2) from error
        self.stdout.write(json.dumps(route_body(routed)))
