"""Pages of campaigns."""

from django.urls import URLPattern, path

from feedback.campaigns import views

urlpatterns: list[URLPattern] = [
    path("campaigns/", views.campaigns, name="campaigns"),
    path("campaigns/new/", views.campaign_new, name="campaign_new"),
    path("campaigns/<slug:slug>/edit/", views.campaign_change, name="campaign_edit"),
    path("campaigns/<slug:slug>/state/", views.campaign_state, name="campaign_state"),
]
