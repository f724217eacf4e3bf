"""Immutable, content-addressed snapshots of the pool: the one contract with what feeds trainers."""

from trainers.formats.records import Message
from trainers.snapshot.reader import Snapshot
from trainers.snapshot.schemas import FORMAT_VERSION, SCHEMAS
from trainers.snapshot.splits import Split, first_user_message, split_of
from trainers.snapshot.writer import SnapshotWriter

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
