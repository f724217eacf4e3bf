"""The map and the list of models, and a model's own page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from feedback.catalogue.benchmarks import benchmark_lines
from feedback.catalogue.coordinates import models_like
from feedback.catalogue.facts import (
    lineage_rated,
    version_instructions,
    version_size,
    version_speed,
)
from feedback.catalogue.forecasts import topic_forecasts
from feedback.catalogue.model_map import NEIGHBOURS, model_map
from feedback.catalogue.selectors import (
    head_to_head,
    lineage,
    model_get,
    models_list,
    newest_version,
    rated_models,
    ratings_by_topic,
    retired_on,
    specialities,
)
from feedback.ranking.intervals import interval_plot
from feedback.web.http import HtmxRequest, page_or_part

VIEWS = ("map", "list")  # without a choice the width of the screen decides


@require_GET
def models_page(request: HtmxRequest) -> HttpResponse:
    """Show all models or some, as a map and as a list."""
    asked = {name: _asked(request, name) for name in ("view", "topic", "named", "sort", "near")}
    whole = model_map()
    mark = whole.mark_of(asked["near"]) if whole else None
    if request.htmx.target == "near":
        return render(request, "catalogue/map.html#near", {"mark": mark})
    models = rated_models(
        models_list(topic=asked["topic"], named=asked["named"]),
        by_rating=asked["sort"] == "rating",
    )
    shown = whole.only({one.model.pk for one in models}) if whole else None
    context = {
        **asked,
        "view": asked["view"] if asked["view"] in VIEWS and whole else "",
        "models": models,
        "specialities": specialities(),
        "filtered": bool(asked["topic"] or asked["named"]),
        "map": shown,
        "absent": shown.absent(one.version for one in models) if shown else (),
        "mark": mark,
    }
    return render(request, page_or_part(request, "catalogue/models.html", "models"), context)


@require_GET
def model_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one model: what it was found to do and is expected to do, and where it comes from."""
    model = model_get(slug)
    version = newest_version(model)
    ratings = ratings_by_topic(version)
    plot = interval_plot([row for _, row in ratings]) if ratings else None
    context = {
        "model": model,
        "version": version,
        "retired_on": retired_on(version),
        "plot": plot,
        "lines": zip([name for name, _ in ratings], plot.marks, strict=True) if plot else (),
        "forecasts": topic_forecasts(version),
        "benchmarks": benchmark_lines(version),
        "meetings": head_to_head(version),
        "like": models_like(version, NEIGHBOURS),
        "lineage": lineage(version),
        "ancestors": lineage_rated(version),
        "size": version_size(version),
        "speed": version_speed(version),
        "told": version_instructions(version, request.user),
    }
    return render(request, "catalogue/model.html", context)


def _asked(request: HttpRequest, name: str) -> str:
    """Return a parameter of the address; no text of the database holds a NUL."""
    return request.GET.get(name, "").replace("\0", "")
