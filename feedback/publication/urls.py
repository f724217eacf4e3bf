"""Pages and API of publication."""

from django.urls import URLPattern, path

from feedback.publication import api, views

urlpatterns: list[URLPattern] = [
    path("data/", views.data_page, name="data"),
    path("api/v1/preferences/export/", api.preferences_export, name="export"),
    path("api/v1/preferences/<public_id:public_id>/withdraw/", api.preference_withdraw),
]
