"""Addresses of the calibration prompts of a version; they keep the name that programs know."""

from django.urls import URLPattern, path

from feedback.routing.calibration_prompts import api, views

urlpatterns: list[URLPattern] = [
    path("operate/versions/<uuid:version_id>/probe/", views.version_probe, name="version_probe"),
    path("api/v1/versions/<uuid:version_id>/probe/", api.probe),
]
