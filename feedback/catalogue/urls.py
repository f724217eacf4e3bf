"""Pages and REST of the models."""

from django.urls import URLPattern, path

from feedback.catalogue import api, views

urlpatterns: list[URLPattern] = [
    path("models/", views.models_page, name="models"),
    path("models/<unicode_slug:slug>/", views.model_page, name="model"),
    path("api/v1/models/", api.ModelsView.as_view()),
    path("api/v1/models/<unicode_slug:slug>/", api.model_detail),
]
