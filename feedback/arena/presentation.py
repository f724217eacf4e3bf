"""What the templates of the arena show, in words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from feedback.arena.answers.recorded import question_examples, question_found, questions_page
from feedback.arena.assist import Reply
from feedback.arena.forms import mode_of
from feedback.arena.models_note import models_note
from feedback.arena.selectors import COMPLETE, letters_shown
from feedback.arena.vocabulary import STATES, state_text, why_not
from feedback.errors import ApplicationError
from feedback.identifiers import new_public_id
from feedback.people.authentication import contributor_of
from feedback.pool.models import Reaction, ReactionKind, Response, ResponseState
from feedback.ranking.selectors import Row, leaderboard
from feedback.registry.health import live_versions
from feedback.registry.models import Topic
from feedback.routing.explaining.why import route_ids_of
from feedback.templatetags.ui import number

START_TOGETHER = timedelta(seconds=4)  # texts wait for each other this long: speed betrays nobody


def who() -> dict[str, str]:
    """Return who wrote a message, by its role."""
    return {
        "user": _("You asked"),
        "assistant": _("The answer you went on from"),
        "system": _("The models were told"),
    }


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One answer as a page shows it; a model is named only where its name may be known."""

    place: int
    response: Response
    text: str
    word: str
    is_held_back: bool  # a recording that goes as fast as the answer beside it
    problem: str = ""  # why it did not arrive
    model: str = ""
    slug: str = ""
    thumb: str = ""  # "up", "down", or nothing yet
    tools: Sequence[str] = field(default_factory=tuple)  # what may be done with it
    route: str = ""  # the decision that chose the model, where one may be read

    @property
    def is_writing(self) -> bool:
        """Say whether more of it may come."""
        return self.is_held_back or self.response.state == ResponseState.WRITING

    @property
    def is_waiting(self) -> bool:
        """Say whether its text waits for that of the other answer."""
        return bool(self.response.text) and not self.text


def start_context(request: HttpRequest) -> dict[str, Any]:
    """Return the composer, its examples, and recorded questions where models only replay."""
    mode = mode_of(request.POST or request.GET)
    context: dict[str, Any] = {
        "mode": mode,
        "key": new_public_id(),
        "examples": question_examples(get_language() or settings.LANGUAGE_CODE),
        **models_note(contributor_of(request)),
        "topics": _specialities(),
        "topic": request.POST.get("topic", ""),
    }
    if context["live"] >= 2:  # any question can be compared
        return context
    search = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    place = question_found(request.GET.get("after", ""))
    page = questions_page(text=search, after=place.id if place else None)
    return context | {"search": search, "page": page}


def _specialities() -> QuerySet[Topic]:
    """Return what the models that answer anything are good at, to choose from."""
    models = live_versions().values("model")
    return Topic.objects.filter(models__in=models).distinct().order_by("name")


def texts_begin(responses: Sequence[Response]) -> bool:
    """Say whether texts may be displayed: all have begun, or one has waited long enough."""
    begun = all(r.text or r.state != ResponseState.WRITING for r in responses)
    return begun or timezone.now() - max(r.created_at for r in responses) > START_TOGETHER


def answer_views(responses: Sequence[Response], *, named: bool) -> list[AnswerView]:
    """Return the answers of one turn in their order."""
    begin = texts_begin(responses)
    ratings = _ratings(responses) if named else None
    letters = [None] * len(responses) if named else letters_shown(responses)
    return [
        AnswerView(
            place=place,
            response=response,
            text=response.text[:shown] if begin else "",
            problem=why_not(response),
            tools=("copy", "report") if response.state in COMPLETE and shown is None else (),
            is_held_back=shown is not None,
            **(_named(response, ratings) if named else {"word": _word(response, shown)}),
        )
        for place, (response, shown) in enumerate(zip(responses, letters, strict=True), 1)
    ]


def _word(response: Response, shown: int | None) -> str:
    return state_text(response) if shown is None else str(STATES[ResponseState.WRITING])


def reply_views(replies: Sequence[Reply]) -> list[AnswerView]:
    """Return the newest answer of each turn as one model, known by name, gave it.

    Thumbs and routes come with one query each for all turns; an answer that is not complete has
    neither.
    """
    complete = [reply.newest for reply in replies if reply.newest.state in COMPLETE]
    thumbs = _thumbs(complete) if complete else {}
    routes = route_ids_of(complete) if complete else {}
    return [
        AnswerView(
            place=reply.turn.position + 1,
            response=reply.newest,
            text=reply.newest.text,
            is_held_back=False,
            problem=why_not(reply.newest),
            thumb=thumbs.get(reply.newest.pk, ""),
            tools=("thumbs", "copy", "edit", "report") if reply.newest.state in COMPLETE else (),
            route=routes.get(reply.newest.pk, ""),
            **_named(reply.newest),
        )
        for reply in replies
    ]


def _thumbs(responses: Sequence[Response]) -> dict[UUID, str]:
    """Return the newest thumb of each answer that has one: "up" or "down"."""
    thumbs = Reaction.objects.filter(response__in=responses, kind=ReactionKind.THUMB)
    newest = thumbs.order_by("id").values_list("response_id", "value")
    return {response_id: "up" if value == 1 else "down" for response_id, value in newest}


def _named(response: Response, ratings: dict[str, Row] | None = None) -> dict[str, str]:
    version = response.version
    if version is None:
        return {"word": state_text(response)}
    rated = ratings is not None and response.state in COMPLETE
    word = _rating((ratings or {}).get(version.label)) if rated else ""
    return {
        "word": word or state_text(response),
        "model": version.label,
        "slug": version.model.slug,
    }


def _rating(row: Row | None) -> str:
    if row is None:
        return _("Not rated yet")
    words = ngettext(
        "Rank %(rank)s, rating %(rating)s ± %(half).0f, %(n)s judgment",
        "Rank %(rank)s, rating %(rating)s ± %(half).0f, %(n)s judgments",
        row.n,
    )
    return words % {
        "rank": f"{row.rank_low}–{row.rank_high}" if row.rank_high > row.rank_low else row.rank_low,
        "rating": number(round(row.rating)),
        "half": (row.ci_high - row.ci_low) / 2,
        "n": number(row.n),
    }


def _ratings(responses: Sequence[Response]) -> dict[str, Row]:
    labels = {response.version.label for response in responses if response.version}
    return {row.model: row for row in leaderboard().rows if row.model in labels}


def problem_context(error: ApplicationError, text: str) -> dict[str, Any]:
    """Return what went wrong, beside the message that was kept."""
    return {"problem": error, "text": text}
