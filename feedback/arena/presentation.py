"""What the templates of the arena show, in words."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language

from feedback.arena.candidates import live_versions
from feedback.arena.recorded import question_examples, question_found, questions_page
from feedback.arena.selectors import COMPLETE, Exchange
from feedback.errors import ApplicationError
from feedback.identifiers import new_public_id
from feedback.pool.models import Conversation, PreferenceState, ResponseState
from feedback.prompts import message_shown
from feedback.ranking.selectors import Row, leaderboard
from feedback.registry.models import ModelVersion
from feedback.routing.models import ModelRoute
from feedback.templatetags.ui import number

WHO = {
    "user": "You asked",
    "assistant": "The answer you went on from",
    "system": "The models were told",
}
STATES = {
    ResponseState.WRITING: "Writing…",
    ResponseState.FINISHED: "Finished",
    ResponseState.STOPPED: "Stopped",
    ResponseState.FAILED: "Did not arrive",
}
START_TOGETHER = timedelta(seconds=4)  # texts wait for each other this long: speed betrays nobody
BELIEFS = {
    "uniform": "No model has a rating yet, so every pair was equally likely.",
    "ratings": "The choice followed the ratings of all topics and how sure they are.",
}
BY_EMBEDDING = "The choice followed what {version} expects of each model on this message."
FALLBACKS = {
    "no_embedding": "No model embedding is in use yet, so your message played no part.",
    "encoder_late": "Your message could not be read in time, so it played no part.",
    "encoder_down": "The encoder did not answer, so your message played no part.",
    "encoder_failed": "The encoder did not answer, so your message played no part.",
}


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """One answer as a page shows it; its model is named only after the judgment."""

    place: int
    text: str
    state: str
    copies: str  # what a copy of it is a reaction to; empty while there is nothing to copy
    note: str
    model: str = ""
    slug: str = ""


def start_context(request: HttpRequest) -> dict[str, Any]:
    """The composer, its examples, and the recorded questions where nothing else is answered."""
    context: dict[str, Any] = {
        "examples": question_examples(get_language() or settings.LANGUAGE_CODE),
        "live": live_versions().count(),
    }
    if context["live"] >= 2:  # any question can be compared
        return context
    search = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    place = question_found(request.GET.get("after", ""))
    page = questions_page(text=search, after=place.id if place else None)
    return context | {"search": search, "page": page}


def exchange_context(conversation: Conversation, exchange: Exchange) -> dict[str, Any]:
    """A conversation at its newest turn."""
    *earlier, prompt = (message_shown(message, WHO) for message in exchange.turn.messages)
    judged = exchange.preference is not None
    shown = {
        "conversation": conversation,
        "exchange": exchange,
        "earlier": earlier,
        "prompt": prompt,
        "answers": _answers(exchange),
        "waiting": not exchange.is_complete,
        "stage": stage_of(exchange),
        "said": said_of(exchange),
        "judged": judged,
        "key": new_public_id(),
        "open": judged and _can_go_on(exchange),
    }
    return shown | ({"why": _why(exchange.route)} if judged and exchange.route else {})


def _can_go_on(exchange: Exchange) -> bool:
    """Whether both models answer more than what was recorded."""
    pair = {response.version_id for response in exchange.responses if response.version_id}
    return live_versions().filter(id__in=pair).count() == len(exchange.responses)


def stage_of(exchange: Exchange) -> str:
    """How far both answers have come, as a word to compare."""
    return "-".join(response.state for response in exchange.responses)


def _answers(exchange: Exchange) -> list[ShownAnswer]:
    late = timezone.now() - exchange.turn.created_at > START_TOGETHER
    begun = all(r.text or r.state != ResponseState.WRITING for r in exchange.responses)
    ratings = _ratings(exchange) if exchange.preference else {}
    shown = begun or late
    return [
        ShownAnswer(
            place=place,
            text=response.text if shown and response.state != ResponseState.FAILED else "",
            state=response.state,
            copies=response.public_id if response.state in COMPLETE else "",
            **_named(response.version, ratings)
            if exchange.preference
            else {"note": STATES[ResponseState(response.state)]},
        )
        for place, response in enumerate(exchange.responses, 1)
    ]


def _named(version: ModelVersion | None, ratings: dict[str, Row]) -> dict[str, str]:
    if version is None:
        return {"note": ""}
    row = ratings.get(version.label)
    return {
        "model": version.label,
        "slug": version.model.slug,
        "note": _rating_words(row) if row else "Not rated yet",
    }


def _rating_words(row: Row) -> str:
    half = (row.ci_high - row.ci_low) / 2
    judgments = "1 judgment" if row.n == 1 else f"{number(row.n)} judgments"
    return f"Rating {number(round(row.rating))} ± {half:.0f}, {judgments}"


def _ratings(exchange: Exchange) -> dict[str, Row]:
    labels = {response.version.label for response in exchange.responses if response.version}
    return {row.model: row for row in leaderboard().rows if row.model in labels}


def said_of(exchange: Exchange) -> str:
    """The sentence of the status line."""
    if exchange.preference is not None:
        return _reveal(exchange)
    match _places(exchange, ResponseState.FAILED), _places(exchange, ResponseState.WRITING):
        case [_, _], _:
            return "No model can answer now. We kept your message."
        case [place], _:
            return f"Answer {place} did not arrive. Your message is safe."
        case _, [_, _]:
            return "Both answers are being written."
        case _, [place]:
            return f"Answer {place} is still writing."
    return "Both answers have finished."


def _places(exchange: Exchange, state: ResponseState) -> list[int]:
    return [place for place, r in enumerate(exchange.responses, 1) if r.state == state]


def _reveal(exchange: Exchange) -> str:
    withdrawn = exchange.preference and exchange.preference.state == PreferenceState.WITHDRAWN
    first, second = (response.version for response in exchange.responses)
    saved = "Withdrawn." if withdrawn else "Saved."
    return f"{saved} Answer 1 was {first}, Answer 2 was {second}."


def _why(route: ModelRoute) -> list[str]:
    """How these two came to be shown, in sentences."""
    chosen = [str(version) for version in route.chosen]
    chances = {one["version"]: one for one in route.considered}
    shown = [chances[version] for version in chosen if version in chances]
    version = route.router_version
    sentences = [BELIEFS.get(version, BY_EMBEDDING.format(version=version))]
    if route.fallback:
        sentences.append(FALLBACKS.get(route.fallback, "Your message played no part."))
    sentences.append(
        f"{len(route.considered)} models could answer. "
        + " ".join(f"{one['label']} had a chance of {one['propensity']:.0%}." for one in shown)
        + f" These two, in this order: {route.pair_propensity:.1%}."
    )
    return sentences


def problem_context(error: ApplicationError, text: str) -> dict[str, Any]:
    """What went wrong, beside the message that was kept."""
    return {"problem": error, "text": text}
