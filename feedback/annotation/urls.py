"""Pages and API of this domain."""

from django.urls import URLPattern, path

from feedback.annotation import api

urlpatterns: list[URLPattern] = [
    path("api/v1/tasks/next/", api.tasks_next, name="api_tasks_next"),
    path("api/v1/tasks/<str:token>/submit/", api.tasks_submit, name="api_tasks_submit"),
    path("api/v1/tasks/<str:token>/skip/", api.tasks_skip, name="api_tasks_skip"),
    path("api/v1/tasks/<str:token>/renew/", api.tasks_renew, name="api_tasks_renew"),
]
