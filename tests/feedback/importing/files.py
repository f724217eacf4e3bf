"""Small files to import, and what an import of them says."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command

from feedback.pool.models import Comparison, Outcome, Preference, Response, Turn


def vote(**fields: Any) -> dict[str, Any]:
    """A row of the format `preferences`."""
    row = {
        "prompt": "What is a fugue?",
        "response_a": "A piece for several voices.",
        "response_b": "A kind of cheese.",
        "model_a": "Alpha",
        "model_b": "Beta",
        "choice": "a",
        "rater_id": "anna",
        "licence": "CC0-1.0",
    }
    return row | fields


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A JSONL file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def import_file(path: Path, form: str = "preferences", **options: Any) -> dict[str, Any]:
    """The JSON that `import_data` prints last."""
    out = StringIO()
    call_command("import_data", str(path), format=form, stdout=out, **options)
    result: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return result


def pool_size() -> tuple[int, ...]:
    """How many rows the pool has, by table."""
    return tuple(t.objects.count() for t in (Turn, Response, Comparison, Preference, Outcome))
