"""URLs of the app: each domain brings its own pages and API."""

from django.urls import URLPattern, URLResolver, include, path

from feedback.web.converters import register_converters

DOMAINS = (
    "operations",
    "arena",
    "arena.openai",
    "annotation",
    "catalogue",
    "contributions",
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

register_converters()

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(f"feedback.{domain}.urls")) for domain in DOMAINS
]
