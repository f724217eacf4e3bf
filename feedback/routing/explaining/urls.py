"""Addresses of the explanation of a decision: its page, and REST."""

from django.urls import URLPattern, path

from feedback.routing.explaining import api, views

urlpatterns: list[URLPattern] = [
    path("routes/<public_id:public_id>/", views.why, name="why"),
    path("api/v1/routes/<public_id:public_id>/", api.route_explained),
]
