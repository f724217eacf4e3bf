"""Pages of this domain, and where a visit begins."""

from django.urls import URLPattern, path
from django.views.generic import RedirectView

from feedback.arena import views

urlpatterns: list[URLPattern] = [
    path("", RedirectView.as_view(pattern_name="arena"), name="home"),
    path("arena/", views.arena, name="arena"),
    path("arena/ask/", views.ask, name="arena_ask"),
    path("arena/judge/", views.judge, name="arena_judge"),
    path("arena/<str:public_id>/", views.conversation, name="arena_conversation"),
    path("arena/<str:public_id>/answers/", views.answers, name="arena_answers"),
    path("arena/<str:public_id>/follow-up/", views.follow_up, name="arena_follow_up"),
    path("arena/<str:public_id>/stop/", views.stop, name="arena_stop"),
    path("arena/<str:public_id>/retry/", views.retry, name="arena_retry"),
]
