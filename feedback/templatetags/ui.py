"""What every page of the site needs: the top line, the visitor's settings, text and numbers."""

from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from feedback.people.display_settings import preferences_of
from feedback.people.terms import SCOPES
from feedback.pool.models import Turn
from feedback.registry.models import ModelVersion
from feedback.text.message_display import SPEAKERS
from feedback.text.rendering import render
from feedback.training.models import RunState, TrainingRun

register = template.Library()

SECTIONS = (
    ("arena", _("Arena")),
    ("annotate", _("Annotate")),
    ("leaderboard", _("Leaderboard")),
    ("models", _("Models")),
    ("data", _("Data")),
)
OWN = (("contributions", _("My contributions")),)
OPERATOR = (("operate", _("Operate")),)
CURATOR = (("reports", _("Reports")),)  # operators find it under Operate
MINOR_ACTIONS = {"danger", "email", "link", "outline", "secondary", "tool"}
RUN_STATES = {
    RunState.QUEUED: ("", _("Queued")),
    RunState.RUNNING: ("state-now", _("Running {percent} %")),
    RunState.SUCCEEDED: ("state-done", _("Succeeded")),
    RunState.FAILED: ("state-failed", _("Failed")),
    RunState.CANCELLED: ("", _("Cancelled")),
}


@register.inclusion_tag("components/top.html", takes_context=True)
def top_line(context: template.Context) -> dict[str, Any]:
    """Return the line of links on top, the section of this page marked."""
    request: HttpRequest | None = context.get("request")
    user = getattr(request, "user", None)
    own: tuple[tuple[str, Any], ...] = OWN
    if getattr(user, "is_operator", False):
        own += OPERATOR
    elif getattr(user, "is_curator", False):
        own += CURATOR
    path = request.path if request else ""
    return {"sections": _links(SECTIONS, path), "own": _links(own, path)}


def _links(pages: tuple[tuple[str, Any], ...], path: str) -> list[dict[str, Any]]:
    links = []
    for name, words in pages:
        url = reverse(name)
        links.append({"url": url, "words": words, "here": path.startswith(url)})
    return links


@register.simple_tag(takes_context=True)
def visitor_settings(context: template.Context) -> SafeString:
    """Attributes of the html element: what the visitor has set otherwise than usual."""
    request: HttpRequest | None = context.get("request")
    chosen = preferences_of(request.COOKIES if request else {})
    return format_html_join("", ' data-{}="{}"', chosen.items())


@register.simple_tag(takes_context=True)
def model_link(context: template.Context, label: str) -> SafeString | str:
    """Return a version's name, linked to its model's page where a version is so named.

    For where no name is hidden any more.
    """
    slugs = context.render_context.get("model_slugs")
    if slugs is None:  # one query for all names of a template
        slugs = dict(ModelVersion.objects.values_list("label", "model__slug"))
        context.render_context["model_slugs"] = slugs
    if label not in slugs:
        return label
    return format_html(
        '<a href="{}" dir="auto">{}</a>', reverse("model", args=[slugs[label]]), label
    )


@register.simple_tag
def run_state(run: TrainingRun, percent: int) -> SafeString:
    """Return the state of a run in a word, in its colour, with no white space around it."""
    style, words = RUN_STATES[RunState(run.state)]
    return format_html('<span class="{}">{}</span>', style, words.format(percent=percent))


@register.filter
def is_main_action(tags: list[str] | None) -> bool:
    """Say whether a button of the sign-in library, by its tags, is what its page is for."""
    return MINOR_ACTIONS.isdisjoint(tags or ())


@register.filter
def prose(text: str) -> SafeString:
    """Return what a person or a model wrote, as harmless HTML."""
    return render(text)


@register.filter
def number(value: int) -> str:
    """Return a whole number with thin spaces between its thousands."""
    return f"{value:,}".replace(",", "\u202f")


@register.filter
def percent(share: float) -> int:
    """Return a share of one, in whole per cent."""
    return round(100 * share)


@register.filter
def speaker(role: str) -> str:
    """Return who said a message, in words."""
    return str(SPEAKERS.get(role) or _("Someone said"))


@register.filter
def scope_words(scope: str) -> str:
    """Return what a scope of an API key allows."""
    return str(SCOPES.get(scope, scope))


@register.filter
def prompt_line(turn: Turn) -> str:
    """Return a prompt in one line: its newest message, or the question's identifier."""
    return last_line(turn.messages) if turn.messages else shortened(turn.question_id)


@register.filter
def last_line(messages: Sequence[Mapping[str, str]]) -> str:
    """Return the newest of some messages, in one line."""
    return shortened(messages[-1]["content"]) if messages else ""


def shortened(text: str) -> str:
    """Return a text in one line."""
    return shorten(text, 90, placeholder=" …")
