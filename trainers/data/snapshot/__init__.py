"""Immutable, content-addressed snapshots of the pool: the one contract with what feeds trainers."""

from trainers.data.formats.records import Message
from trainers.data.snapshot.reader import Snapshot
from trainers.data.snapshot.schemas import FORMAT_VERSION, SCHEMAS
from trainers.data.snapshot.splits import Split, first_user_message, split_of
from trainers.data.snapshot.writer import SnapshotWriter

__all__ = [
    "FORMAT_VERSION",
    "SCHEMAS",
    "Message",
    "Snapshot",
    "SnapshotWriter",
    "Split",
    "first_user_message",
    "split_of",
]
