"""The words that two rendered answers do not share, marked in both.

The texts inside the rendered HTML are compared word by word along their longest common
subsequence (bit-parallel: time and memory are bounded by the limit below, whatever the texts).
Longer texts are compared line by line. Only text is wrapped, never a tag, so that the HTML stays
as harmless as it was.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString, mark_safe
from rapidfuzz.distance import Indel

LIMIT = 8000  # units a side: at most 16 MB and a fraction of a second

MARKUP = re.compile(r"(<math.*?</math>|<[^>]*>)", re.DOTALL)
WORD = re.compile(r"&[#\w]+;|\w+(?:[’'-]\w+)*|\s+|[^\w\s]")
LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class Differences:
    """Two texts with what only one of them has in `<mark>`, and how much of them that is."""

    first: SafeString
    second: SafeString
    share: float  # of all words, in [0, 1]


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of rendered text: a word, a space, a line, a tag."""

    text: str
    is_markup: bool


def differences(first: str, second: str) -> Differences | None:
    """Mark the words that only one of the two texts has; nothing where they are too long."""
    for pattern in (WORD, LINE):
        sides = [_units(html, pattern) for html in (first, second)]
        words = [[unit.text for unit in side if _counts(unit)] for side in sides]
        if max(map(len, words)) <= LIMIT:
            return _marked(sides, words)
    return None


def _units(html: str, pattern: re.Pattern[str]) -> list[Unit]:
    units = []
    for place, part in enumerate(MARKUP.split(html)):
        if place % 2:
            units.append(Unit(part, is_markup=not part.startswith("<math")))
        else:
            units += [Unit(text, is_markup=False) for text in pattern.findall(part)]
    return units


def _counts(unit: Unit) -> bool:
    return not unit.is_markup and not unit.text.isspace()


def _marked(sides: Sequence[list[Unit]], words: Sequence[list[str]]) -> Differences:
    only: tuple[set[int], set[int]] = set(), set()
    for step in Indel.opcodes(*words):
        if step.tag != "equal":
            only[0].update(range(step.src_start, step.src_end))
            only[1].update(range(step.dest_start, step.dest_end))
    first, second = (_join(*pair) for pair in zip(sides, only, strict=True))
    total = sum(map(len, words))
    return Differences(first, second, sum(map(len, only)) / total if total else 0.0)


def _join(units: Sequence[Unit], only: set[int]) -> SafeString:
    """Join the HTML again; neighbours that differ share one mark, with the spaces between."""
    html: list[str] = []
    spaces: list[str] = []
    place, is_open = 0, False
    for unit in units:
        if is_open and not unit.is_markup and unit.text.isspace():
            spaces.append(unit.text)
            continue
        differs = _counts(unit) and place in only
        place += _counts(unit)
        if is_open and not differs:
            html.append("</mark>")
        html += spaces
        spaces.clear()
        if differs and not is_open:
            html.append("<mark>")
        html.append(unit.text)
        is_open = differs
    html += ["</mark>" * is_open, *spaces]
    return mark_safe("".join(html))  # noqa: S308 - cleaned HTML with marks around its texts
