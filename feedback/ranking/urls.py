"""Pages and API of the ranking."""

from django.urls import URLPattern, path

from feedback.ranking import api, views

urlpatterns: list[URLPattern] = [
    path("leaderboard/", views.leaderboard_page, name="leaderboard"),
    path("leaderboard/influence/", views.influence_page, name="influence"),
    path("api/v1/leaderboard/", api.leaderboard_list),
]
