"""Pages and API of the registry. `GET, POST /api/v1/models/` lies with the ranking."""

from django.urls import URLPattern, path

from feedback.registry import api, views

urlpatterns: list[URLPattern] = [
    path("operate/models/", views.registry, name="registry"),
    path("operate/models/provider/", views.provider_new, name="provider_new"),
    path("operate/models/provider/<uuid:provider_id>/", views.provider_do, name="provider_do"),
    path("operate/models/model/", views.model_new, name="model_new"),
    path("operate/models/version/<uuid:version_id>/", views.version, name="version"),
    path("operate/models/version/<uuid:version_id>/do/", views.version_do, name="version_do"),
    path("api/v1/models/<unicode_slug:slug>/versions/", api.versions),
    path("api/v1/versions/<uuid:version_id>/", api.version),
    path("api/v1/versions/<uuid:version_id>/state/", api.version_state),
    path("api/v1/versions/<uuid:version_id>/price/", api.version_prices),
    path("api/v1/versions/<uuid:version_id>/try/", api.version_trial),
    path("api/v1/providers/", api.providers),
    path("api/v1/providers/<uuid:provider_id>/state/", api.provider_state),
    path("api/v1/providers/<uuid:provider_id>/try/", api.provider_trial),
]
