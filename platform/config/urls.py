"""URLs of the whole site."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [path("", include("feedback.urls"))]

handler404 = "feedback.web.not_found.not_found"
