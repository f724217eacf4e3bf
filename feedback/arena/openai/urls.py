"""Where clients of OpenAI's API look."""

from django.urls import URLPattern, path

from feedback.arena.openai import views

urlpatterns: list[URLPattern] = [
    path("v1/chat/completions", views.chat_completions, name="chat_completions"),
    path("v1/models", views.models, name="openai_models"),
]
