"""A disk cache of text vectors: one append-only file of fixed-size records, keyed by content.

A record is 16 bytes of BLAKE2b of the text and `dimension` little-endian float32 numbers. Writers
append whole records under an exclusive lock, readers map what is complete, so any number of
processes may share a file; one that dies in mid-write leaves a tail that the next writer cuts off.
"""

import fcntl
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trainers.arrays import Bools, Floats32

KEY_BYTES = 16


def content_key(text: str) -> bytes:
    """Return the digest that a text is known by, KEY_BYTES long."""
    return hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).digest()


class VectorCache:
    """Vectors of texts in `path`; made for one encoder, whose identity belongs in the file name."""

    def __init__(self, path: Path, dimension: int) -> None:
        self.path = path
        self.dimension = dimension
        self._record = np.dtype([("key", f"V{KEY_BYTES}"), ("vector", "<f4", (dimension,))])
        self._rows: dict[bytes, int] = {}
        self._records = np.empty(0, self._record)

    def find(self, keys: Sequence[bytes]) -> tuple[Bools, Floats32]:
        """Return which keys are cached, [n], and their vectors [n, dimension]; zero elsewhere."""
        self._refresh()
        rows = np.array([self._rows.get(key, -1) for key in keys], np.int64)
        cached = rows >= 0
        vectors = np.zeros((len(keys), self.dimension), np.float32)
        # Copied: callers may write into what they get
        vectors[cached] = self._records["vector"][rows[cached]]
        return cached, vectors

    def add(self, keys: Sequence[bytes], vectors: Floats32) -> None:
        """Append one record a key; a key that another process has added meanwhile does no harm."""
        records = np.empty(len(keys), self._record)
        records["key"] = np.frombuffer(b"".join(keys), f"V{KEY_BYTES}")
        records["vector"] = vectors
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            # Exclusive until the file is closed: two writers' records must not interleave.
            fcntl.flock(file, fcntl.LOCK_EX)
            size = file.seek(0, os.SEEK_END)
            file.truncate(size - size % self._record.itemsize)
            file.write(records.tobytes())

    def _refresh(self) -> None:
        """Index the records that were appended since the last look."""
        known = len(self._records)
        size = self.path.stat().st_size if self.path.exists() else 0
        count = size // self._record.itemsize
        if count == known:
            return
        # Whole records alone: a tail that is still being written is left for the next look.
        self._records = np.memmap(self.path, self._record, mode="r", shape=(count,))
        added = self._records["key"][known:].tobytes()
        for row in range(known, count):
            start = (row - known) * KEY_BYTES
            # The first record of a key stays: which of two equal vectors is read is then fixed.
            self._rows.setdefault(added[start : start + KEY_BYTES], row)
