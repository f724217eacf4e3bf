"""Pages and API of publication."""

from django.urls import URLPattern, path

from feedback.publication import api, own_views, views

urlpatterns: list[URLPattern] = [
    path("data/", views.data_page, name="data"),
    path("contributions/", own_views.contributions_page, name="contributions"),
    path("contributions/data.json", own_views.own_data_file, name="own_data"),
    path("contributions/leave/", own_views.leave_page, name="leave"),
    path("contributions/<str:public_id>/change/", own_views.change_page, name="change"),
    path("contributions/<str:public_id>/visibility/", own_views.visibility_set, name="visibility"),
    path("contributions/<str:public_id>/withdraw/", own_views.withdraw_page, name="withdraw"),
    path("api/v1/preferences/export/", api.preferences_export, name="export"),
    path("api/v1/preferences/<str:public_id>/withdraw/", api.preference_withdraw),
]
