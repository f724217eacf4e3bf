"""API of routing."""

from django.urls import URLPattern, path

from feedback.routing import api

urlpatterns: list[URLPattern] = [path("api/v1/route/", api.route)]
