"""The model map as server-made SVG: marks in percent of the drawing, names beside them.

No script and no inline style (decision 0003). The stylesheet gives the
drawing the proportions of `WIDTH` to its height, so one length means the same in both directions.
On a wide screen it is `WIDTH` pixels wide and the names stand where they were fitted here; a
narrower one shows the marks alone.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from trainers.arrays import Floats

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels

WIDTH = 960.0  # pixels
HEIGHTS = (320.0, 480.0, 640.0)  # the lowest one with room above and below the marks
MARGIN, HEADROOM = 40.0, 80.0  # pixels between the outermost marks and the edges
EDGE = 20.0  # pixels between the edges and a mark that lies outside
MARK = 9.0  # half the size of a mark with its ring
LINE = 16.0  # the height of a name
LETTER, WIDE_LETTER = 7.2, 13.0  # how wide letters are, on the safe side
LONGEST = 32  # letters of a name beside its mark; its page and the table have it whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name near its mark: how far from its middle, and which end of it stands there.

    `leader`: the ends of the hairline from the mark to a name further off.
    """

    text: str
    dx: int
    dy: int
    anchor: str  # start, middle or end
    leader: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """The position of a mark, and its name where there was room for it.

    `is_outside`: it lies beyond the edge at which it stands.
    """

    x: str
    y: str
    name: Name | None
    is_outside: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The marks, and the height of the drawing at its full width, in pixels."""

    spots: tuple[Spot, ...]
    height: int


# Where a name may stand, best first: distance from the mark's middle to the anchor, and the anchor.
BESIDE = (
    (12, 4, "start"),
    (-12, 4, "end"),
    (0, -13, "middle"),
    (0, 23, "middle"),
    (9, -9, "start"),
    (9, 18, "start"),
    (-9, -9, "end"),
    (-9, 18, "end"),
)
ABOVE_OR_BELOW = tuple(
    (0, sign * step + (10 if sign > 0 else 0), anchor)
    for step in range(30, 190, 16)
    for sign in (-1, 1)
    for anchor in ("middle", "start", "end")
)


@lru_cache(maxsize=4)
def map_drawing(
    points: tuple[Point, ...], names: tuple[str, ...], frame: tuple[Point, ...]
) -> Drawing:
    """Draw marks with equal scales in both directions; names are given out in this order.

    The drawing is fitted around the points of the frame; a mark outside of it stands at its edge.
    A name is left out where every position near its mark would cover a mark or another name.
    """
    wanted, height = _pixels(np.array(points), np.array(frame))
    edges = np.array([WIDTH, height]) - EDGE
    pixels = [(float(x), float(y)) for x, y in np.clip(wanted, EDGE, edges)]
    is_outside = (wanted != np.array(pixels)).any(axis=1)
    marks = [(x - MARK, y - MARK, x + MARK, y + MARK) for x, y in pixels]
    taken: list[Box] = []
    spots = []
    for number, ((x, y), text) in enumerate(zip(pixels, names, strict=True)):
        others = marks[:number] + marks[number + 1 :] + taken
        name, boxes = _fitted(_short(text), x, y, height, others)
        taken += boxes
        left, top = f"{100 * x / WIDTH:.2f}%", f"{100 * y / height:.2f}%"
        spots.append(Spot(x=left, y=top, name=name, is_outside=bool(is_outside[number])))
    return Drawing(spots=tuple(spots), height=int(height))


def _pixels(points: Floats, frame: Floats) -> tuple[Floats, float]:
    """Return where the points [n, 2] lie in pixels [n, 2], and the height of the drawing.

    The middle of the frame is the middle of the drawing; the second axis points upwards.
    """
    low, high = frame.min(0), frame.max(0)
    room = np.array([WIDTH - 2 * MARGIN, HEIGHTS[-1] - 2 * MARGIN])
    spread = high - low
    scale = min((room[i] / spread[i] for i in range(2) if spread[i] > 0), default=1.0)
    wanted = float(spread[1]) * scale + 2 * HEADROOM
    height = next((one for one in HEIGHTS if one >= wanted), HEIGHTS[-1])
    middle = np.array([WIDTH / 2, height / 2])
    pixels: Floats = middle + (points - (low + high) / 2) * scale * [1.0, -1.0]
    return pixels, height


def _fitted(
    text: str, x: float, y: float, height: float, others: list[Box]
) -> tuple[Name | None, list[Box]]:
    """Return the name at the first free position, and the boxes that it takes with its leader."""
    width = _width(text)
    for dx, dy, anchor in BESIDE + ABOVE_OR_BELOW:
        left = x + dx - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        boxes = [(left, y + dy - LINE + 4, left + width, y + dy + 4)]
        leader = _leader(dx, dy)
        if leader is not None:
            top, bottom = sorted(leader)
            boxes.append((x - 1, y + top, x + 1, y + bottom))
        if _inside(boxes[0], height) and not any(
            _overlap(box, other) for box in boxes for other in others
        ):
            return Name(text=text, dx=dx, dy=dy, anchor=anchor, leader=leader), boxes
    return None, []


def _leader(dx: int, dy: int) -> tuple[int, int] | None:
    """Return the ends of the line from a mark to a name that is far above or below it."""
    if dx or abs(dy) < 30:
        return None
    return (-8, dy + 4) if dy < 0 else (8, dy - int(LINE) + 6)


def _inside(box: Box, height: float) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= WIDTH and box[3] <= height


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _width(text: str) -> float:
    return sum(
        WIDE_LETTER if unicodedata.east_asian_width(letter) in "WF" else LETTER for letter in text
    )
