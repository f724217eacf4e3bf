"""Pages and API of this domain."""

from django.urls import URLPattern, path

from feedback.annotation import api, views

urlpatterns: list[URLPattern] = [
    path("annotate/", views.annotate, name="annotate"),
    path("annotate/<slug:slug>/", views.annotate, name="annotate_campaign"),
    path("annotate/undo/<str:token>/", views.undo, name="annotate_undo"),
    path("annotate/differences/<str:token>/", views.differences, name="annotate_differences"),
    path("annotate/task/next/", views.next_task, name="annotate_next"),
    path("annotate/task/judge/", views.judge, name="annotate_judge"),
    path("annotate/task/more/", views.more, name="annotate_more"),
    path("annotate/task/skip/", views.skip, name="annotate_skip"),
    path("annotate/task/renew/", views.renew, name="annotate_renew"),
    path("annotate/task/again/", views.reclaim, name="annotate_again"),
    path("api/v1/tasks/next/", api.tasks_next, name="api_tasks_next"),
    path("api/v1/tasks/<str:token>/submit/", api.tasks_submit, name="api_tasks_submit"),
    path("api/v1/tasks/<str:token>/skip/", api.tasks_skip, name="api_tasks_skip"),
    path("api/v1/tasks/<str:token>/renew/", api.tasks_renew, name="api_tasks_renew"),
]
