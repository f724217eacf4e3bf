"""One model by name: the one that routing thinks best answers, and each reaction is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.arena.answers.candidates import answerable_versions, choosable_versions
from feedback.arena.answers.turns import Messages, response_begin, turn_create
from feedback.arena.selectors import ARENA, COMPLETE, newest_turn
from feedback.arena.services import require
from feedback.database.lookup import get_or_not_found
from feedback.errors import ConflictError, UnavailableError
from feedback.people.models import Contributor
from feedback.people.selectors import consent_required, rater_of
from feedback.pool.models import (
    Conversation,
    Mode,
    Reaction,
    ReactionKind,
    Response,
    ResponseState,
    Turn,
)
from feedback.pool.reactions import reaction_record
from feedback.registry.models import ModelVersion, ProviderKind
from feedback.routing.constraints import ANY, Constraints
from feedback.routing.models import PolicyName
from feedback.routing.services import models_route


@dataclass(frozen=True, slots=True)
class Reply:
    """A prompt and its answers, the newest last: each earlier one was asked to be replaced."""

    turn: Turn
    responses: tuple[Response, ...]

    @property
    def newest(self) -> Response:
        """Return the answer that the conversation goes on from."""
        return self.responses[-1]


def thread_of(conversation: Conversation) -> list[Reply]:
    """Return a conversation from its beginning; two queries, however long it is."""
    answers = Prefetch(
        "responses", Response.objects.select_related("version__model").order_by("id")
    )
    turns = conversation.turns.order_by("position").prefetch_related(answers)
    return [Reply(turn, tuple(turn.responses.all())) for turn in turns]


def newest_reply(conversation: Conversation) -> Reply:
    """Return the end of a conversation, which is all of it that can still change."""
    turn = newest_turn(conversation)
    return Reply(turn, tuple(turn.responses.select_related("version__model").order_by("id")))


def assist_start(
    *, contributor: Contributor, messages: Messages, key: str, constraints: Constraints = ANY
) -> Conversation:
    """Begin a conversation with the model that routing thinks best."""
    candidates = choosable_versions(messages)
    require(candidates, 1)
    with transaction.atomic():
        conversation = Conversation.objects.create(
            contributor=contributor,
            source=ARENA,
            mode=Mode.ASSIST,
            public_id=key,
            revealed_at=timezone.now(),
        )
        turn = turn_create(conversation=conversation, messages=messages)
        response_begin(turn=turn, version=_best(turn, candidates, constraints))
    return conversation


def assist_continue(*, conversation: Conversation, text: str) -> None:
    """Ask the same model a follow-up; another one where it cannot answer now."""
    with transaction.atomic():
        newest = _locked(conversation)
        if newest.state not in COMPLETE:
            raise ConflictError("still_writing", _("You can go on when the answer is there."))
        messages = [
            *newest.prompt,
            {"role": "assistant", "content": newest.text},
            {"role": "user", "content": text},
        ]
        same = newest.version if newest.version in answerable_versions(messages) else None
        candidates = [] if same else choosable_versions(messages)
        require([same] if same else candidates, 1)
        turn = turn_create(conversation=newest.turn.conversation, messages=messages)
        response_begin(turn=turn, version=same or _best(turn, candidates))


def assist_again(*, conversation: Conversation, of: str) -> None:
    """Replace the answer `of` to the newest prompt by another one; a repeat changes nothing."""
    with transaction.atomic():
        newest = _locked(conversation)
        if newest.public_id != of or newest.state == ResponseState.WRITING:
            return
        if newest.state in COMPLETE:
            answer_react(
                contributor=_owner(conversation), public_id=of, kind=ReactionKind.REGENERATE
            )
        turn = newest.turn
        response_begin(turn=turn, version=_best(turn, others_of(turn)))


def others_of(turn: Turn) -> Sequence[ModelVersion]:
    """Return models that have not answered this yet, or else live ones, which answer anew.

    Raises UnavailableError where there is none.
    """
    asked = set(turn.responses.values_list("version_id", flat=True))
    able = choosable_versions(turn.messages)
    fresh = [version for version in able if version.id not in asked]
    anew = [v for v in able if v.provider and v.provider.kind != ProviderKind.REPLAY]
    if not fresh and not anew:
        raise UnavailableError("too_few_models", _("No other model can answer this now."))
    return fresh or anew


def _best(
    turn: Turn, candidates: Sequence[ModelVersion], constraints: Constraints = ANY
) -> ModelVersion:
    routed = models_route(
        messages=turn.messages,
        candidates=candidates,
        k=1,
        policy=PolicyName.BEST,
        constraints=constraints,
        contributor=turn.conversation.contributor,
        turn=turn,
    )
    return routed.chosen[0].version


def _locked(conversation: Conversation) -> Response:
    """Return the newest answer, with the conversation locked."""
    assisted = Conversation.objects.select_for_update().filter(mode=Mode.ASSIST)
    missing = _("There is no such conversation of yours.")
    locked = get_or_not_found(assisted, "unknown_conversation", missing, pk=conversation.pk)
    return newest_reply(locked).newest


def _owner(conversation: Conversation) -> Contributor:
    if conversation.contributor is None:
        raise ValueError("a conversation of the arena has a contributor")
    return conversation.contributor


def answer_react(
    *, contributor: Contributor, public_id: str, kind: str, value: object = None
) -> Reaction:
    """Write down what a person did with an answer of their own."""
    consent_required(contributor)
    response = response_of(contributor=contributor, public_id=public_id)
    return reaction_record(response=response, rater=rater_of(contributor), kind=kind, value=value)


def response_of(*, contributor: Contributor, public_id: str) -> Response:
    """Return a complete answer of the contributor's own conversation; raises NotFoundError."""
    own = Response.objects.select_related("turn__conversation").filter(
        turn__conversation__contributor=contributor, state__in=COMPLETE
    )
    missing = _("There is no such answer of yours.")
    return get_or_not_found(own, "unknown_response", missing, public_id=public_id)
