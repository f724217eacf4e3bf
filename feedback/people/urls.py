"""Pages of this domain."""

from django.urls import URLPattern, path

from feedback.people import views

urlpatterns: list[URLPattern] = [
    path("terms/", views.terms, name="terms"),
    path("settings/", views.visitor_settings, name="settings"),
    path("people/operator/<str:token>/", views.operator_link, name="operator_link"),
    path("people/sign-out/", views.sign_out, name="sign_out"),
]
