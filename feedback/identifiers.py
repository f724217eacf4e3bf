"""Keys: time-ordered inside, random outside, so that no public identifier leaks a time."""

import hashlib
import secrets
import uuid
from datetime import datetime

import uuid_utils
from django.db import models

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no letter that is read as another
PUBLIC_ID_LETTERS = 16
NAME_LETTERS = 240  # of the longest name, a version's label: whoever notes one has room for it


def new_id() -> uuid.UUID:
    """Return a UUIDv7: rows made together lie together in the index."""
    return uuid.UUID(int=uuid_utils.uuid7().int)


def first_id_at(moment: datetime) -> uuid.UUID:
    """Return the smallest key of a row made at a moment or later, for ranges of time."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)


def new_public_id() -> str:
    """Return sixteen random characters, 79 bits, derived from nothing."""
    number = secrets.randbelow(len(ALPHABET) ** PUBLIC_ID_LETTERS)
    letters = []
    for _ in range(PUBLIC_ID_LETTERS):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)


def secret_digest(secret: str) -> bytes:
    """Return what is kept of a secret of 256 random bits: its SHA-256."""
    return hashlib.sha256(secret.encode()).digest()


class Row(models.Model):
    """The base of every table with a key of our own making."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
