"""`manage.py route --prompt TEXT`: which models a person would see for a prompt."""

from argparse import ArgumentParser
from typing import Any

from feedback.management.json_command import JsonCommand
from feedback.routing.selectors import routable_versions, route_body
from feedback.routing.services import PolicyName, models_route


class Command(JsonCommand):
    """Prints what `POST /api/v1/route/` answers."""

    help = "Choose the models for a prompt and print the decision as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The prompt, how many models, and the policy."""
        parser.add_argument("--prompt", required=True)
        parser.add_argument("--k", type=int, default=2)
        parser.add_argument("--policy", default=PolicyName.AUTO, choices=PolicyName.values)

    def run(self, **options: Any) -> dict[str, Any]:
        """Route and log."""
        routed = models_route(
            messages=[{"role": "user", "content": options["prompt"]}],
            candidates=routable_versions(),
            k=options["k"],
            policy=options["policy"],
        )
        return route_body(routed)
