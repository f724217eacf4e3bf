"""Pages and API of the ranking."""

from django.urls import URLPattern, path

from feedback.ranking import api, views

urlpatterns: list[URLPattern] = [
    path("leaderboard/", views.leaderboard_page, name="leaderboard"),
    path("models/", views.models_page, name="models"),
    path("models/<slug:slug>/", views.model_page, name="model"),
    path("api/v1/leaderboard/", api.leaderboard_list),
    path("api/v1/models/", api.model_list),
    path("api/v1/models/<slug:slug>/", api.model_detail),
]
