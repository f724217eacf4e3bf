"""`manage.py export_data PATH --shape S`: the live pool in a file."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from feedback.management.json_command import JsonCommand
from feedback.pool.lifecycle import judgments_publish
from feedback.pool.publication_sequence import last_number
from feedback.publication.encoding import ENCODERS, encoded
from feedback.publication.query import LIVE, export_query
from feedback.publication.shapes import SHAPES
from feedback.quality.services import consensus_refresh
from trainers.errors import InputError


class Command(JsonCommand):
    """Writes aside and renames, so that an interrupted export leaves no half file."""

    help = "Write the published judgments in a shape and print the number of rows as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take where to, and what."""
        parser.add_argument("path", type=Path)
        parser.add_argument("--shape", required=True, choices=list(SHAPES))
        parser.add_argument("--format", default="jsonl", choices=list(ENCODERS))
        parser.add_argument("--release", default=LIVE)

    def run(self, **options: Any) -> dict[str, Any]:
        """Export."""
        started = time.perf_counter()
        judgments_publish()
        consensus_refresh()  # does nothing where it is up to date
        asked = {name: options[name] for name in ("shape", "format", "release")}
        query = export_query(asked, until=last_number())
        path: Path = options["path"]
        aside = path.with_name(f".{path.name}.partial")
        rows = 0
        try:
            with aside.open("wb") as file:
                for count, data in encoded(query):
                    rows += count
                    file.write(data)
            aside.replace(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from error
        finally:
            aside.unlink(missing_ok=True)
        return {
            "rows": rows,
            "bytes": path.stat().st_size,
            "seconds": round(time.perf_counter() - started, 3),
        }
