"""The leaderboard, the list of models, and a model's own page."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from feedback.errors import ApplicationError, NotFoundError
from feedback.ranking.intervals import interval_plot
from feedback.ranking.model_reports import (
    meetings,
    model_get,
    models_list,
    newest_version,
    ratings_by_topic,
)
from feedback.ranking.selectors import leaderboard, ranked_topics

JUDGMENTS_WANTED = 300  # below this a page shows no order: it would be noise


@require_GET
def leaderboard_page(request: HttpRequest) -> HttpResponse:
    """Intervals of all models, filtered by topic and by who judged."""
    topic, rater_kind = request.GET.get("topic", ""), request.GET.get("rater_kind", "")
    try:
        board = leaderboard(topic=topic, rater_kind=rater_kind)
    except ApplicationError:  # a link to a topic that is gone
        topic, rater_kind = "", ""
        board = leaderboard()
    enough = board.judgments >= JUDGMENTS_WANTED
    context = {
        "board": board,
        "plot": interval_plot(board.rows) if enough else None,
        "wanted": JUDGMENTS_WANTED,
        "topics": ranked_topics(),
        "topic": topic,
        "rater_kind": rater_kind,
    }
    part = "#board" if request.headers.get("HX-Request") else ""
    return render(request, f"ranking/leaderboard.html{part}", context)


@require_GET
def models_page(request: HttpRequest) -> HttpResponse:
    """All models by name, with what they are for."""
    return render(request, "ranking/models.html", {"models": models_list()})


@require_GET
def model_page(request: HttpRequest, slug: str) -> HttpResponse:
    """One model: ratings by topic, its record against the others, where it comes from."""
    try:
        model = model_get(slug)
    except NotFoundError as error:
        raise Http404(error.message) from error
    version = newest_version(model)
    ratings = ratings_by_topic(version)
    plot = interval_plot([row for _, row in ratings]) if ratings else None
    context = {
        "model": model,
        "version": version,
        "checkpoint": getattr(version, "checkpoint", None),
        "plot": plot,
        "lines": zip([name for name, _ in ratings], plot.marks, strict=True) if plot else (),
        "meetings": meetings(version),
    }
    return render(request, "ranking/model.html", context)
