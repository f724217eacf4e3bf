"""Addresses of thresholds: forms on the page of the router, and REST."""

from django.urls import URLPattern, path

from feedback.routing.thresholds import api, views

urlpatterns: list[URLPattern] = [
    path("operate/router/thresholds/", views.threshold_new, name="threshold_new"),
    path("operate/router/thresholds/<slug:name>/", views.threshold_do, name="threshold_do"),
    path("api/v1/thresholds/", api.thresholds),
    path("api/v1/thresholds/<slug:name>/", api.threshold),
    path("api/v1/thresholds/<slug:name>/calibrate/", api.threshold_calibration),
]
