"""API of this domain."""

from django.urls import URLPattern, path

from feedback.pool import api
from feedback.pool.moderation import views as report_views

urlpatterns: list[URLPattern] = [
    path("api/v1/preferences/", api.preferences, name="api_preferences"),
    path("api/v1/responses/<public_id:public_id>/reactions/", api.reactions, name="api_reactions"),
    path("report/<public_id:public_id>/", report_views.report, name="report"),
    path("reports/", report_views.reports, name="reports"),
    path("reports/<uuid:report_id>/", report_views.report_decide, name="report_decide"),
]
