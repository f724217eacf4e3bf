"""Pages of this domain."""

from django.urls import URLPattern, URLResolver, include, path

from feedback.people import expertise, settings_views, views
from feedback.people.invitations import views as invitation_views

urlpatterns: list[URLPattern | URLResolver] = [
    path("account/", include("allauth.urls")),
    path("terms/", views.terms, name="terms"),
    path("settings/", settings_views.visitor_settings, name="settings"),
    path("settings/expertise/", expertise.expertise, name="expertise"),
    path("settings/keys/", settings_views.keys, name="keys"),
    path("settings/keys/<uuid:key_id>/revoke/", settings_views.key_revoke, name="key_revoke"),
    path("people/invitation/<str:token>/", invitation_views.invitation, name="invitation"),
    path("invitations/", invitation_views.invitations, name="invitations"),
    path(
        "invitations/<uuid:invitation_id>/revoke/",
        invitation_views.invitation_end,
        name="invitation_end",
    ),
    path("people/sign-out/", views.sign_out, name="sign_out"),
]
