"""`manage.py route --prompt TEXT`: which models a person would see for a prompt."""

from argparse import ArgumentParser
from typing import Any

from feedback.management.json_command import JsonCommand
from feedback.routing.api import RouteOutput
from feedback.routing.constraints import Constraints
from feedback.routing.models import PolicyName
from feedback.routing.selectors import routable_versions
from feedback.routing.services import models_route


class Command(JsonCommand):
    """Print what `POST /api/v1/route/` answers."""

    help = "Choose the models for a prompt and print the decision as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the prompt, how many models, the policy, and what is asked of the models."""
        parser.add_argument("--prompt", required=True)
        parser.add_argument("--k", type=int, default=2)
        parser.add_argument(
            "--policy",
            default=PolicyName.AUTO,
            help=f"one of {', '.join(PolicyName.values)}, or the name of a threshold",
        )
        parser.add_argument("--topic", action="append", default=[], help="a slug; may be repeated")
        parser.add_argument("--language", action="append", default=[], help="a code such as de")
        parser.add_argument("--max-price", type=float, help="of a million tokens")
        parser.add_argument("--max-latency-ms", type=float, help="median of the newest answers")

    def run(self, **options: Any) -> dict[str, Any]:
        """Choose, and log the decision."""
        constraints = Constraints(
            topics=tuple(options["topic"]),
            languages=tuple(options["language"]),
            max_price=options["max_price"],
            max_latency_ms=options["max_latency_ms"],
        )
        routed = models_route(
            messages=[{"role": "user", "content": options["prompt"]}],
            candidates=routable_versions(),
            k=options["k"],
            policy=options["policy"],
            constraints=constraints,
        )
        return dict(RouteOutput(routed).data)
