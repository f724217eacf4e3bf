"""API of this domain."""

from django.urls import URLPattern, path

from feedback.pool import api

urlpatterns: list[URLPattern] = [
    path("api/v1/preferences/", api.preferences, name="api_preferences"),
    path("api/v1/responses/<str:public_id>/reactions/", api.reactions, name="api_reactions"),
]
