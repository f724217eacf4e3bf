"""The calibration plot as SVG, for the files of an artifact; no torch."""

from collections.abc import Mapping, Sequence

Bins = Sequence[Mapping[str, float]]

SIDE, MARGIN = 240.0, 40.0


def calibration_svg(bins: Bins) -> str:
    """How often the favoured side won (with its 95 % interval) against how sure the model was."""
    marks = "".join(_mark(row) for row in bins)
    ticks = "".join(_tick(value) for value in (0.5, 0.75, 1.0))
    low, high = _place(0.5), _place(1.0)
    size = SIDE + 2 * MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size:g} {size:g}" '
        f'width="{size:g}" height="{size:g}" font-family="sans-serif" font-size="10" role="img">'
        "<title>Calibration: accuracy against confidence</title>"
        f'<rect width="{size:g}" height="{size:g}" fill="#ffffff"/>'
        f'<line x1="{low:g}" y1="{size - low:g}" x2="{high:g}" y2="{size - high:g}" '
        f'stroke="#888888" stroke-dasharray="4 4"/>{ticks}{marks}'
        f'<text x="{size / 2:g}" y="{size - 8:g}" text-anchor="middle">confidence</text>'
        f'<text x="12" y="{size / 2:g}" text-anchor="middle" '
        f'transform="rotate(-90 12 {size / 2:g})">accuracy</text></svg>\n'
    )


def _mark(row: Mapping[str, float]) -> str:
    x, size = _place(row["confidence"]), SIDE + 2 * MARGIN
    y, low, high = (size - _place(row[name]) for name in ("accuracy", "low", "high"))
    return (
        f'<line x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}" stroke="#2f6f9f"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="#2f6f9f">'
        f"<title>{row['n']:g} comparisons</title></circle>"
    )


def _tick(value: float) -> str:
    place, size = _place(value), SIDE + 2 * MARGIN
    return (
        f'<text x="{place:g}" y="{size - MARGIN + 14:g}" text-anchor="middle">{value:g}</text>'
        f'<text x="{MARGIN - 6:g}" y="{size - place + 3:g}" text-anchor="end">{value:g}</text>'
    )


def _place(value: float) -> float:
    """Pixels of a share from the lower left corner; what lies below one half is at the edge."""
    return MARGIN + SIDE * (max(0.45, value) - 0.45) / 0.55
