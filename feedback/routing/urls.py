"""Addresses of routing: REST, the operators' page, and those of the packages beneath."""

from django.urls import URLPattern, URLResolver, include, path

from feedback.routing import api, views

PACKAGES = ("calibration_prompts", "explaining", "thresholds")

urlpatterns: list[URLPattern | URLResolver] = [
    path("operate/router/", views.router, name="router"),
    path("api/v1/route/", api.route),
    *(path("", include(f"feedback.routing.{package}.urls")) for package in PACKAGES),
]
