"""The style of an answer that rankings control for: how long it is, and how it is laid out.

The database counts the same in SQL (`feedback/pool/sql/text_style.sql`); a test holds the two
equal.
"""

import re
from typing import Final

import numpy as np

from trainers.arrays import Floats

LONGEST: Final = 100_000  # characters looked at: a pasted book is long enough by then

LIST: Final = re.compile(r"^[ \t]*(?:[-*+•]|[0-9]{1,3}[.)])[ \t]", re.MULTILINE)
HEADING: Final = re.compile(r"^#{1,6}[ \t]", re.MULTILINE)
BOLD: Final = re.compile(r"\*\*[^*\n]+\*\*")

FEATURES: Final = ("length", "headers", "bold", "lists")


def style_counts(text: str) -> tuple[int, int, int, int]:
    """Return characters, headings, passages in bold and items of lists, as FEATURES name them.

    Only the first LONGEST characters are looked at.
    """
    text = text[:LONGEST]
    return (
        len(text),
        len(HEADING.findall(text)) if "#" in text else 0,
        len(BOLD.findall(text)) if "**" in text else 0,
        len(LIST.findall(text)),
    )


def relative_difference(a: Floats, b: Floats) -> Floats:
    """Return (a - b) / (a + b) of lengths and (a - b) / (a + b + 1) of the others, [n, 4].

    All lie in [-1, 1]. a, b: [n, 4] counts of the two answers. Two empty answers do not differ.
    The 1 keeps one heading against none from counting as much as twenty against none.
    """
    more = np.array([0.0, 1.0, 1.0, 1.0])
    whole = a + b + more
    return np.asarray((a - b) / np.where(whole > 0, whole, 1.0))
