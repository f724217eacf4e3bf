"""How many answers are written at once: by memory, and by how many a step serves well."""

from collections.abc import Sequence

import torch

from trainers.generation.rows import CacheShape, Row
from trainers.pretrained.room import MEGABYTE, available_memory
from trainers.serve.engine.requests import Asked

MAX_ROWS = 16  # eight people with two answers each; a step of 16 takes twice that of one
MAX_WAITING = 32
CACHE_BYTES = 1_000 * MEGABYTE  # of all answers that are being written, on a CPU
KEPT_FREE = 300 * MEGABYTE  # for everything else on the machine


class Room:
    """Admits answers to an engine's batch."""

    def __init__(self, shape: CacheShape) -> None:
        self._shape = shape

    def has_place(self, asked: Asked, rows: Sequence[Row]) -> bool:
        """Return whether an answer can be begun beside those that are being written.

        Its whole length is reserved, so that none ends for want of memory. Alone it always may:
        otherwise it would wait for ever.
        """
        if not rows:
            return True
        if len(rows) >= MAX_ROWS:
            return False
        reserved = sum(row.cache.capacity for row in rows)
        if (reserved + asked.tokens) * self._shape.token_bytes > self._limit():
            return False
        # What is reserved and not yet written still counts as free.
        promised = (reserved - sum(row.cache.length for row in rows)) * self._shape.token_bytes
        free = self._free()
        wanted = promised + asked.tokens * self._shape.token_bytes
        return free is None or wanted + KEPT_FREE <= free

    def _limit(self) -> int:
        """Return how many bytes all caches may take: on a GPU half of its memory."""
        if self._shape.device.type == "cuda":
            return int(torch.cuda.mem_get_info(self._shape.device)[1] // 2)
        return CACHE_BYTES

    def _free(self) -> int | None:
        """Return how many bytes are free on the device; None where the system does not say."""
        if self._shape.device.type == "cuda":
            return int(torch.cuda.mem_get_info(self._shape.device)[0])
        return available_memory()
