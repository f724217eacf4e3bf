"""`manage.py export_shapes`: the page of the documentation on the shapes of the export."""

from typing import Any

from django.core.management.base import BaseCommand

from feedback.publication.shapes.reference import shapes_page


class Command(BaseCommand):
    """Print the page, so that it never differs from the code."""

    help = "Print docs/export-shapes.md, made from the shapes of the export."
    requires_system_checks = ()

    def handle(self, **_options: Any) -> None:
        """Print."""
        self.stdout.write(shapes_page(), ending="")
