"""Health, metrics, the API's schema, and the operator's first page."""

from django.urls import URLPattern, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny

from feedback.operations import pool_views, views

urlpatterns: list[URLPattern] = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
    path("operate/", views.operate, name="operate"),
    path("operate/pool/", pool_views.pool, name="pool"),
    path("operate/pool/<public_id:public_id>/", pool_views.comparison, name="comparison"),
    path(
        "api/schema/",
        SpectacularAPIView.as_view(permission_classes=[AllowAny], authentication_classes=[]),
        name="schema",
    ),
]
