"""Pages of hybrid labelling."""

from django.urls import URLPattern, path

from feedback.hybrid import views

urlpatterns: list[URLPattern] = [path("hybrid/", views.hybrid, name="hybrid")]
