"""Digests of the published pool, in every shape and format."""

import hashlib
import io
import json
from typing import Any

from tests.behaviour.normalise import by_appearance
from tests.behaviour.site import Site

SHAPES = ("preferences", "consensus", "trl", "unpaired", "votes", "outcomes")
FORMATS = ("jsonl", "csv", "parquet")
SHOWN = 400  # letters of a line that are kept for a reader
ADDRESS = "/api/v1/preferences/export/"


def record_exports(site: Site) -> dict[str, Any]:
    """Return the record of each shape in each format.

    The bytes are hashed as they come, but for identifiers, which are drawn anew at each import:
    each becomes the ordinal of its first appearance. Of Parquet, whose bytes depend on the
    library's version, the columns' types and the rows are hashed.
    """
    with site.client("visitor") as client:
        record = {}
        for shape in SHAPES:
            for form in FORMATS:
                answer = client.get(ADDRESS, params={"shape": shape, "format": form})
                record[f"{shape}.{form}"] = {
                    "status": answer.status_code,
                    "type": answer.headers.get("content-type"),
                    **_content(answer.content, form),
                }
    return record


def _content(data: bytes, form: str) -> dict[str, Any]:
    text = _parquet_text(data) if form == "parquet" else data.decode()
    lines = by_appearance(text).splitlines()
    return {
        "lines": len(lines),
        "first": [line[:SHOWN] for line in lines[:2]],
        "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
    }


def _parquet_text(data: bytes) -> str:
    """Return the columns and the rows of a Parquet file, a line each."""
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(data))
    columns = ", ".join(f"{field.name}: {field.type}" for field in table.schema)
    rows = (json.dumps(row, ensure_ascii=False, default=str) for row in table.to_pylist())
    return "\n".join([columns, *rows])
