"""Pages and API of routing, and of the models that it chooses from."""

from django.urls import URLPattern, path, register_converter
from django.urls.converters import StringConverter

from feedback.routing import (
    api,
    model_api,
    model_views,
    probes_api,
    probes_views,
    threshold_api,
    views,
)


class WordConverter(StringConverter):
    """A slug in any script, as models have it."""

    regex = r"[-\w]+"


register_converter(WordConverter, "word")

urlpatterns: list[URLPattern] = [
    path("models/", model_views.models_page, name="models"),
    path("models/<word:slug>/", model_views.model_page, name="model"),
    path("api/v1/models/", model_api.ModelsView.as_view()),
    path("api/v1/models/<word:slug>/", model_api.model_detail),
    path("routes/<str:public_id>/", views.why, name="why"),
    path("operate/router/", views.router, name="router"),
    path("operate/router/thresholds/", views.threshold_new, name="threshold_new"),
    path("operate/router/thresholds/<str:name>/", views.threshold_do, name="threshold_do"),
    path(
        "operate/versions/<uuid:version_id>/probe/",
        probes_views.version_probe,
        name="version_probe",
    ),
    path("api/v1/route/", api.route),
    path("api/v1/routes/<str:public_id>/", api.route_explained),
    path("api/v1/versions/<uuid:version_id>/probe/", probes_api.probe),
    path("api/v1/thresholds/", threshold_api.thresholds),
    path("api/v1/thresholds/<str:name>/", threshold_api.threshold),
    path("api/v1/thresholds/<str:name>/calibrate/", threshold_api.threshold_calibration),
]
