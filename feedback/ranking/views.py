"""The leaderboard, and the judgments that hold its first place."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from feedback.errors import ApplicationError
from feedback.people.authentication import curator_required
from feedback.ranking.diagnostics import diagnostics_current, effect_lines
from feedback.ranking.influence import influence_current, influential_judgments
from feedback.ranking.intervals import interval_plot
from feedback.ranking.selectors import Leaderboard, Row, leaderboard, ranked_topics
from feedback.ranking.style_control import StyledLeaderboard, styled_leaderboard
from feedback.web.http import HtmxRequest, page_or_part
from trainers.ranking.bradley_terry import FEW, rank_ranges

JUDGMENTS_WANTED = 300  # below this a page shows no order: it would be noise


@require_GET
def leaderboard_page(request: HtmxRequest) -> HttpResponse:
    """Show intervals of all models, by topic and by who judged, with or without style."""
    filters = {name: request.GET.get(name, "") for name in ("topic", "rater_kind")}
    styled = request.GET.get("style_control") == "true"
    try:
        board = _board(filters, styled)
    except ApplicationError:  # a link to a topic that is gone
        filters = dict.fromkeys(filters, "")
        board = _board(filters, styled)
    whole = not (styled or any(filters.values()))
    topics = ranked_topics()
    placed = _placed(board)
    context = {
        "board": board,
        "plot": interval_plot(placed) if placed else None,
        "unplaced": [row for row in board.rows if row.n < FEW] if placed else board.rows,
        "wanted": JUDGMENTS_WANTED,
        "topics": topics,
        "topic_name": next((one.name for one in topics if one.slug == filters["topic"]), ""),
        "styled": styled,
        "effects": effect_lines(board.effects) if isinstance(board, StyledLeaderboard) else (),
        "influence": influence_current() if whole else None,
        "certainty": diagnostics_current() if whole else None,
        **filters,
    }
    template = page_or_part(request, "ranking/leaderboard.html", "board")
    return render(request, template, context)


@require_GET
@curator_required
def influence_page(request: HttpRequest) -> HttpResponse:
    """Show the few judgments without which another model would be first."""
    influence = influence_current()
    judgments = influential_judgments(influence) if influence else []
    context = {"influence": influence, "judgments": judgments}
    return render(request, "ranking/influence.html", context)


def _board(filters: dict[str, str], styled: bool) -> Leaderboard:
    return styled_leaderboard(**filters) if styled else leaderboard(**filters)


def _placed(board: Leaderboard) -> Sequence[Row]:
    """Return the models that have an order: those judged often enough, of a board that is.

    They are ranked among themselves: who is hardly judged could stand anywhere.
    """
    rows = [row for row in board.rows if row.n >= FEW]
    if board.judgments < JUDGMENTS_WANTED:
        return ()
    low, high = (np.array([getattr(row, end) for row in rows]) for end in ("ci_low", "ci_high"))
    ranks = zip(rows, *rank_ranges(low, high), strict=True)
    return [replace(row, rank_low=int(best), rank_high=int(worst)) for row, best, worst in ranks]
