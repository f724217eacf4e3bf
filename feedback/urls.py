"""URLs of the app: each domain brings its own pages and API."""

from django.urls import URLPattern, URLResolver, include, path

DOMAINS = (
    "operations",
    "arena",
    "arena.openai",
    "annotation",
    "hybrid",
    "routing",
    "publication",
    "training",
    "ranking",
    "quality",
    "campaigns",
    "pool",
    "registry",
    "people",
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(f"feedback.{domain}.urls")) for domain in DOMAINS
]
