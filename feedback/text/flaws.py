"""Answers that nobody should get: unreadable characters, endless repetition, nothing at all.

A text is looked at as it grows, so that nobody waits for a model that goes round in circles. Each
look costs the same, however long the text has become. How often real answers are caught stands in
docs/providers.md.
"""

import re
import unicodedata
from enum import StrEnum

from feedback.text.repetition import WINDOW, consists_of, repeated_part

STRIDE = 100  # characters between two looks
ENDLESS, ENDLESS_TIMES = 400, 6  # characters and rounds that are no refrain any more
CUT, CUT_TIMES = 200, 4  # the same of an answer that ended only because it had to
REPLACEMENT = "\ufffd"
HALF = 3  # replacement characters that one half of a character may become
SPOKEN_OF = re.compile("fffd|replacement char", re.IGNORECASE)
STRAY, STRAY_SHARE = 5, 0.01  # other unreadable characters: so many, and such a share of the text
LAID_OUT = frozenset("\n\t\r\v\f")
INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
UNREADABLE = frozenset({"Cc", "Cn", "Co", "Cs"})


class Flaw(StrEnum):
    """What is wrong with an answer. Rows hold these: keep the values."""

    UNREADABLE = "unreadable text"
    REPETITION = "endless repetition"
    EMPTY = "empty answer"


class Inspection:
    """One answer, looked at while it comes; `prompt`: the message that it answers."""

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt
        self._end = self._half = ""  # what has come last; replacement characters at its very end
        self._length = self._looked_at = self._stray = 0
        self._has_replaced = self._has_text = False

    def feed(self, piece: str) -> Flaw | None:
        """Take the next piece; return what is wrong with the text so far."""
        self._length += len(piece)
        self._end = (self._end + piece)[-WINDOW:]
        since = self._half + piece
        whole = since.rstrip(REPLACEMENT)
        self._half = since[len(whole) :]
        self._has_replaced = self._has_replaced or REPLACEMENT in whole
        self._stray += sum(map(_is_stray, piece))
        self._has_text = self._has_text or any(map(_is_visible, piece))
        if self._length - self._looked_at < STRIDE:
            return None
        self._looked_at = self._length
        return self._flaw()

    def close(self, *, is_cut: bool) -> Flaw | None:
        """Return what is wrong with the whole text; `is_cut`: its length ended it."""
        if not self._has_text:
            return Flaw.EMPTY
        # A token limit may fall into the middle of a character of several bytes.
        self._has_replaced = self._has_replaced or len(self._half) > HALF * is_cut
        found = self._flaw()
        if not found and is_cut and repeated_part(self._end, least=CUT, times=CUT_TIMES):
            return Flaw.REPETITION
        return found

    def _flaw(self) -> Flaw | None:
        if self._is_unreadable():
            return Flaw.UNREADABLE
        part = repeated_part(self._end, least=ENDLESS, times=ENDLESS_TIMES)
        # Somebody may want a line a hundred times. Who only echoes the question stops at its limit.
        return Flaw.REPETITION if part and not consists_of(part, self._prompt) else None

    def _is_unreadable(self) -> bool:
        if self._has_replaced and not SPOKEN_OF.search(self._prompt + self._end):
            return True
        return self._stray >= max(STRAY, STRAY_SHARE * self._length)


def _is_stray(character: str) -> bool:
    return character not in LAID_OUT and unicodedata.category(character) in UNREADABLE


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) not in INVISIBLE
