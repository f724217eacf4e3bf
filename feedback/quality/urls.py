"""Pages of this domain."""

from django.urls import URLPattern, path

from feedback.quality import views
from feedback.quality.gold import views as gold_views
from feedback.quality.raters import views as rater_views

urlpatterns: list[URLPattern] = [
    path("quality/", views.quality, name="quality"),
    path("campaigns/<slug:slug>/known-answers/", gold_views.gold, name="gold"),
    path("quality/raters/<public_id:public_id>/", rater_views.rater_page, name="rater"),
]
