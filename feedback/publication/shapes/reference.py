"""The page `docs/export-shapes.md`, made from the shapes themselves.

`manage.py export_shapes > docs/export-shapes.md` writes it anew; a test compares the two.
"""

from collections.abc import Iterable

import pyarrow as pa

from feedback.publication.shapes import SHAPES
from feedback.publication.shapes.base import FILTERS, MESSAGES, TIME, Shape

HEAD = """\
# Export shapes

What the pool publishes can be read in several shapes: `GET /api/v1/preferences/export/?shape=…`,
`manage.py export_data PATH --shape …`, and the Data page. JSON lines, Parquet and CSV carry the
same rows in the same order. In JSON lines a time is ISO 8601 with a Z; in CSV lists and objects
are JSON.

This page is made by `manage.py export_shapes` from `feedback/publication/shapes/`.
"""
FOLLOWING = """\
`since` gives only what is newer than the `X-Next-Cursor` of an earlier export. What was withdrawn
or removed meanwhile comes as a row of `id` and `withdrawn: true`; such an export has the column
`withdrawn`, and `id` where the shape has none.
"""
TYPES = {
    pa.string(): "text",
    pa.float64(): "number",
    pa.int64(): "whole number",
    pa.bool_(): "true or false",
    pa.list_(pa.string()): "list of texts",
    MESSAGES: "list of `role`, `content`",
    TIME: "time, UTC",
}


def shapes_page() -> str:
    """Return the page in Markdown."""
    return "\n".join([HEAD, _filters(), *map(_section, SHAPES.values()), _following()])


def _filters() -> str:
    rows = (
        f"| `{name}` | {meaning} | {_names(s for s in SHAPES.values() if name in s.filters)} |\n"
        for name, meaning in FILTERS.items()
    )
    head = "| filter | what it keeps | shapes |\n|---|---|---|\n"
    return f"## Filters\n\n{head}{''.join(rows)}"


def _section(shape: Shape) -> str:
    rows = (f"| `{c.name}` | {TYPES[c.type]} | {c.meaning} |\n" for c in shape.columns)
    head = "| column | type | meaning |\n|---|---|---|\n"
    return f"## `{shape.name}`\n\n{shape.description}\n\n{head}{''.join(rows)}"


def _following() -> str:
    followed = _names(shape for shape in SHAPES.values() if shape.can_follow)
    return f"## Following the pool\n\nFor {followed}. {FOLLOWING}"


def _names(shapes: Iterable[Shape]) -> str:
    return ", ".join(f"`{shape.name}`" for shape in shapes)
