"""Pages of one's own contributions."""

from django.urls import URLPattern, path

from feedback.contributions import views

urlpatterns: list[URLPattern] = [
    path("contributions/", views.contributions_page, name="contributions"),
    path("contributions/data.json", views.own_data_file, name="own_data"),
    path("contributions/leave/", views.leave_page, name="leave"),
    path("contributions/<public_id:public_id>/change/", views.change_page, name="change"),
    path(
        "contributions/<public_id:public_id>/visibility/", views.visibility_set, name="visibility"
    ),
    path("contributions/<public_id:public_id>/withdraw/", views.withdraw_page, name="withdraw"),
]
