"""Pages of this domain, and where a visit begins."""

from django.urls import URLPattern, path
from django.views.generic import RedirectView

from feedback.arena import judging_views, views

urlpatterns: list[URLPattern] = [
    path("", RedirectView.as_view(pattern_name="arena"), name="home"),
    path("arena/", views.arena, name="arena"),
    path("arena/models/", views.models, name="arena_models"),
    path("arena/ask/", views.ask, name="arena_ask"),
    path("arena/judge/", judging_views.judge, name="arena_judge"),
    path("arena/extras/", judging_views.extras, name="arena_extras"),
    path("arena/answers/<public_id:public_id>/thumb/", judging_views.thumb, name="arena_thumb"),
    path("arena/answers/<public_id:public_id>/edit/", judging_views.edit, name="arena_edit"),
    path("arena/<public_id:public_id>/", views.conversation, name="arena_conversation"),
    path("arena/<public_id:public_id>/stream/", views.stream, name="arena_stream"),
    path("arena/<public_id:public_id>/follow-up/", views.follow_up, name="arena_follow_up"),
    path("arena/<public_id:public_id>/stop/", views.stop, name="arena_stop"),
    path("arena/<public_id:public_id>/retry/", views.retry, name="arena_retry"),
    path("arena/<public_id:public_id>/replace/", views.replace, name="arena_replace"),
    path("arena/<public_id:public_id>/again/", views.again, name="arena_again"),
]
