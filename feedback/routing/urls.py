"""Pages and API of routing."""

from django.urls import URLPattern, path

from feedback.routing import api, views
from feedback.routing.probes import api as probes_api
from feedback.routing.probes import views as probes_views
from feedback.routing.thresholds import api as threshold_api

urlpatterns: list[URLPattern] = [
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
