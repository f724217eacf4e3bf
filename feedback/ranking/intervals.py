"""The interval plot: where each mark lies, in percent of the drawing's width.

Server-made SVG with attributes only: no script, no inline style, and the table row that holds it
is its own fallback (decision 0003).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from feedback.ranking.selectors import Row

MARGIN = 2.5  # percent on each side, so that no mark is cut
STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A value of the axis and where it stands."""

    value: int
    x: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A row with its interval's ends and dot; `level`: its interval overlaps the leader's."""

    row: Row
    low: str
    dot: str
    high: str
    level: bool

    @property
    def half(self) -> int:
        """Half the width of the interval, in rating points."""
        return round((self.row.ci_high - self.row.ci_low) / 2)

    @property
    def ranks(self) -> str:
        """Return the ranks that the intervals allow."""
        first, last = self.row.rank_low, self.row.rank_high
        return str(first) if first == last else f"{first}–{last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """All marks, the ticks, and the band of the leader's interval."""

    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    band_x: str
    band_width: str

    @property
    def leaders(self) -> int:
        """Return how many cannot be told from the leader, itself among them."""
        return sum(mark.level for mark in self.marks)


def interval_plot(rows: Sequence[Row]) -> Plot:
    """Return the plot of one row or more; the first one is the leader."""
    low = min(row.ci_low for row in rows)
    high = max(row.ci_high for row in rows)
    span = max(high - low, 1.0)

    def at(value: float) -> float:
        return MARGIN + (100 - 2 * MARGIN) * (value - low) / span

    leader = rows[0]
    marks = tuple(
        Mark(
            row=row,
            low=_percent(at(row.ci_low)),
            dot=_percent(at(row.rating)),
            high=_percent(at(row.ci_high)),
            level=row.ci_high >= leader.ci_low,
        )
        for row in rows
    )
    return Plot(
        marks=marks,
        ticks=tuple(Tick(value=value, x=_percent(at(value))) for value in _ticks(low, high)),
        band_x=_percent(at(leader.ci_low)),
        band_width=_percent(at(leader.ci_high) - at(leader.ci_low)),
    )


def _ticks(low: float, high: float) -> list[int]:
    """Return four to eight round numbers between low and high."""
    rough = max((high - low) / 6, 1.0)
    power = 10 ** math.floor(math.log10(rough))
    step = next((s * power for s in STEPS if s * power >= rough), 10 * power)
    first = math.ceil(low / step)
    return [int(n * step) for n in range(first, math.floor(high / step) + 1)]


def _percent(value: float) -> str:
    return f"{value:.2f}%"
