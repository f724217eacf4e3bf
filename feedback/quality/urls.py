"""Pages of this domain."""

from django.urls import URLPattern, path

from feedback.quality import views
from feedback.quality.gold import views as gold_views

urlpatterns: list[URLPattern] = [
    path("quality/", views.quality, name="quality"),
    path("campaigns/<slug:slug>/known-answers/", gold_views.gold, name="gold"),
    path("quality/raters/<str:public_id>/", views.rater_page, name="rater"),
]
