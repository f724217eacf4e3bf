"""`manage.py contributor_create NAME [--operator]`: a contributor with a name."""

from argparse import ArgumentParser
from typing import Any

from feedback.management.json_command import JsonCommand
from feedback.people.models import Role
from feedback.people.services import named_contributor_create


class Command(JsonCommand):
    """Make a contributor who has agreed to the terms: whoever runs this answers for it."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the name and the role."""
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--operator", action="store_true")

    def run(self, **options: Any) -> dict[str, Any]:
        """Make the contributor."""
        role = Role.OPERATOR if options["operator"] else Role.CONTRIBUTOR
        contributor = named_contributor_create(name=options["name"], role=role)
        return {"name": contributor.name, "public_id": contributor.public_id, "role": role.value}
