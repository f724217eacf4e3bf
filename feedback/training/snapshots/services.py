"""Write the pool as a snapshot: read in one consistent transaction, streamed, content-addressed.

Only what may train goes in: active judgments whose consent says so, or which carry a licence. The
reading transaction has its own connection, so that the run's lease can be renewed meanwhile.
"""

import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.backends.utils import CursorWrapper

from feedback.training.snapshots.queries import JUDGED, LICENCES, QUERIES
from trainers.data.snapshot import Message, SnapshotWriter, first_user_message, split_of

ROWS = 2000  # rows that are in memory at a time

FILTERS = {"state": "active", "may_train": True}


class EmptyPoolError(Exception):
    """There is nothing to train on."""


def snapshots_folder() -> Path:
    """Return the folder of all snapshots, which are named by their digests."""
    return settings.DATA_DIR / "snapshots"


def snapshot_write(*, on_tick: Callable[[], None]) -> str:
    """Write the pool as it is now and return the digest that names its folder; reuse an equal one.

    `on_tick` is called between batches of rows; what it raises ends the writing and goes on up.
    Raises EmptyPoolError where there is nothing to train on.
    """
    aside = snapshots_folder() / f"{uuid.uuid4().hex}.writing"
    try:
        with _consistent() as cursor, SnapshotWriter(aside) as writer:
            judged = 0
            for table, query in QUERIES.items():
                for rows in _batches(cursor, query):
                    writer.write(table, list(map(_prompt, rows)) if table == "prompts" else rows)
                    judged += len(rows) if table in ("preferences", "outcomes") else 0
                    on_tick()
            if not judged:
                raise EmptyPoolError("Nothing to train on: the pool has no judgments or outcomes.")
            cursor.execute(JUDGED + LICENCES)
            licences = [licence for (licence,) in cursor.fetchall()]
            digest = writer.finish(filters=FILTERS, licence=licences)
        _move_into_place(aside, snapshots_folder() / digest)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return digest


def _move_into_place(aside: Path, final: Path) -> None:
    """Rename a finished snapshot, unless the same content lies there already."""
    try:
        aside.rename(final)
    except OSError:
        if not final.is_dir():
            raise


@contextmanager
def _consistent() -> Iterator[CursorWrapper]:
    """Yield a cursor on a connection of its own, in one read-only view of the database."""
    reading = connections.create_connection("default")
    try:
        reading.set_autocommit(False)
        with reading.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield cursor
    finally:
        reading.rollback()
        reading.close()


def _batches(cursor: CursorWrapper, query: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a query, `ROWS` at a time, through a cursor of the server."""
    cursor.execute(f"DECLARE snapshot_rows NO SCROLL CURSOR FOR {JUDGED} {query}")
    while True:
        cursor.execute(f"FETCH {ROWS} FROM snapshot_rows")
        names = [column.name for column in cursor.description]
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
        if not rows:
            break
        yield [dict(zip(names, row, strict=True)) for row in rows]
    cursor.execute("CLOSE snapshot_rows")


def _prompt(row: dict[str, Any]) -> dict[str, Any]:
    """Return a prompt with its split; one without text is known by its question."""
    messages: list[Message] = [
        {"role": message["role"], "content": message["content"]}
        for message in json.loads(row["messages"])
    ]
    question = row.pop("question")
    split = split_of(first_user_message(messages) or question)
    return row | {"messages": messages, "split": split}
