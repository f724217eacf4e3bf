"""Pages and API of training."""

from django.urls import URLPattern, path

from feedback.training import api, views
from feedback.training.schedules import views as schedule_views

urlpatterns: list[URLPattern] = [
    path("runs/", views.runs, name="runs"),
    path("runs/new/", views.run_new, name="run_new"),
    path("runs/<int:number>/", views.run, name="run"),
    path("runs/<int:number>/cancel/", views.run_stop, name="run_cancel"),
    path("runs/<int:number>/again/", views.run_again, name="run_again"),
    path("runs/<int:number>/promote/", views.promote, name="run_promote"),
    path("runs/<int:number>/roll-back/", views.roll_back, name="run_roll_back"),
    path("schedules/", schedule_views.schedules, name="schedules"),
    path("schedules/new/", schedule_views.schedule_new, name="schedule_new"),
    path("schedules/<int:pk>/pause/", schedule_views.pause, name="schedule_pause"),
    path("schedules/<int:pk>/resume/", schedule_views.resume, name="schedule_resume"),
    path("schedules/<int:pk>/run/", schedule_views.run_now, name="schedule_run"),
    path("schedules/<int:pk>/delete/", schedule_views.delete, name="schedule_delete"),
    path("api/v1/training-runs/", api.Runs.as_view(), name="api_runs"),
    path("api/v1/training-runs/<uuid:run_id>/", api.run_detail, name="api_run"),
    path("api/v1/training-runs/<uuid:run_id>/cancel/", api.run_cancel_view, name="api_run_cancel"),
    path(
        "api/v1/checkpoints/<uuid:checkpoint_id>/promote/",
        api.checkpoint_promote_view,
        name="api_checkpoint_promote",
    ),
    path(
        "api/v1/checkpoints/<uuid:checkpoint_id>/samples/",
        api.checkpoint_samples,
        name="api_checkpoint_samples",
    ),
]
