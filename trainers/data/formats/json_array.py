"""The items of one JSON array, decoded one at a time from a file that may be large."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from trainers.errors import InputError

CHUNK = 1 << 18
BETWEEN = re.compile(r"[\s,]*")


def array_items(path: Path, file: TextIO) -> Iterator[Any]:
    """Yield each item. A broken item ends the file: where the next begins is then unknown."""
    decoder = json.JSONDecoder()
    buffer, row = file.read(CHUNK), 1
    position = buffer.index("[") + 1
    while True:
        position = BETWEEN.match(buffer, position).end()  # type: ignore[union-attr]
        if buffer.startswith("]", position):
            return
        try:
            item, position = decoder.raw_decode(buffer, position)
        except ValueError as error:
            # Doubling what is held keeps the work linear in the size of the largest item.
            more = file.read(max(CHUNK, len(buffer) - position))
            if not more:
                raise InputError.at(path, f"broken JSON ({error})", row=row) from error
            buffer, position = buffer[position:] + more, 0
            continue
        yield item
        row += 1
