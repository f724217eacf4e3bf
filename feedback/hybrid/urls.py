"""Pages and API of this domain."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
