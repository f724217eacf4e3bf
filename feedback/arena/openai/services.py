"""What the gateway writes: the question, who was asked, and what came of it."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from feedback.arena.answers.candidates import answerable_versions, choosable_versions
from feedback.arena.answers.recorded import recorded_answer
from feedback.arena.answers.second_tries import other_seed
from feedback.arena.answers.writing import answer_check
from feedback.arena.openai.errors import GatewayError
from feedback.arena.openai.reading import AUTO, ROUTER, ChatRequest
from feedback.errors import ForbiddenError
from feedback.people.models import Contributor
from feedback.people.rate_limits.limits import Rate, limit_take
from feedback.people.selectors import apikey_find, consent_required
from feedback.pool.hashing import messages_hash, text_hash
from feedback.pool.models import Conversation, Response, ResponseState, Turn
from feedback.pool.moderation.services import flaw_report
from feedback.registry.health import live_versions
from feedback.registry.models import ModelVersion, ProviderKind, VersionState
from feedback.registry.sse_parser import ANSWER_SECONDS
from feedback.routing.models import PolicyName
from feedback.routing.services import models_route
from feedback.routing.thresholds.selectors import threshold_names

SOURCE = "api"
SCOPE = "models:use"
RATE = Rate(120, 60)  # calls a minute of one person
CLAIM = timedelta(seconds=ANSWER_SECONDS + 60)  # an answer that is not stored by then is lost


@dataclass(slots=True)
class Attempt:
    """One version asked: the row that its answer goes into, and how it was chosen."""

    response: Response
    version: ModelVersion
    route: str = ""  # public identifier of the routing decision, where there was one
    recorded: str = ""  # the answer, where the version replays one


@dataclass(slots=True)
class Question:
    """A chat call under way: its turn, and the versions that have failed it."""

    contributor: Contributor
    asked: ChatRequest
    policy: str = ""  # who chooses the model; empty where the caller names it
    turn: Turn | None = None
    failed: set[UUID] = field(default_factory=set)


def caller_of(authorization: str) -> Contributor:
    """Return the contributor behind a key with the right scope, who agreed to the terms."""
    scheme, _, key = authorization.partition(" ")
    found = apikey_find(key.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        words = "Send a valid API key: Authorization: Bearer <key>."
        raise GatewayError(401, "invalid_api_key", words)
    if SCOPE not in found.scopes:
        raise ForbiddenError("scope", f"This needs a key with the scope {SCOPE}.")
    consent_required(found.contributor)
    return found.contributor


def question_begin(contributor: Contributor, asked: ChatRequest) -> Question:
    """Begin a call; raises an error where it may not be made now."""
    policy = _policy(asked.model)
    if not policy:
        _named(asked.model)
    limit_take(key=f"chat:{contributor.pk}", rate=RATE)
    return Question(contributor, asked, policy)


def attempt_begin(question: Question) -> Attempt:
    """Choose who is asked, and make the row for the answer."""
    asked = question.asked
    able = choosable_versions if question.policy else answerable_versions
    candidates = [one for one in able(asked.messages) if one.id not in question.failed]
    if not question.policy:
        named = _named(asked.model)
        candidates = [version for version in candidates if version.id == named.id]
    if not candidates:
        words = "No model can answer now." if question.policy else "It cannot answer now."
        raise GatewayError(503, "model_unavailable", words, retry_after=15)
    with transaction.atomic():
        turn = question.turn = question.turn or _turn_create(question)
        if not question.policy:
            return _attempt(turn, candidates[0], asked)
        routed = models_route(
            messages=asked.messages,
            candidates=candidates,
            k=1,
            policy=question.policy,
            contributor=question.contributor,
            turn=turn,
        )
        return _attempt(turn, routed.chosen[0].version, asked, routed.route.public_id)


def attempt_again(attempt: Attempt, question: Question) -> Attempt:
    """Make the row for a second answer of the same version."""
    asked = question.asked
    again = replace(asked, sampling=asked.sampling | other_seed(attempt.response.sampling))
    return _attempt(attempt.response.turn, attempt.version, again, attempt.route)


def _policy(name: str) -> str:
    """Return the policy that the name stands for; empty where it is a model's."""
    if name == AUTO:
        return PolicyName.AUTO
    threshold = name.removeprefix(ROUTER)
    return threshold if name.startswith(ROUTER) and threshold in threshold_names() else ""


def _named(label: str) -> ModelVersion:
    version = None
    if "\x00" not in label:
        version = ModelVersion.objects.filter(label=label, state=VersionState.ACTIVE).first()
    if version is None:
        words = f"There is no model {label!r}: see /v1/models, or ask for {AUTO!r}."
        raise GatewayError(404, "model_not_found", words, param="model")
    return version


def _turn_create(question: Question) -> Turn:
    messages = question.asked.messages
    return Turn.objects.create(
        conversation=Conversation.objects.create(contributor=question.contributor, source=SOURCE),
        messages=messages,
        content_hash=messages_hash(messages),
    )


def _attempt(turn: Turn, version: ModelVersion, asked: ChatRequest, route: str = "") -> Attempt:
    attempt = Attempt(
        Response(
            turn=turn,
            version=version,
            sample_index=turn.responses.filter(version=version).count(),
            source=SOURCE,
            text_hash=text_hash(""),
            licence=version.output_licence,
            sampling=version.sampling | asked.sampling,
            state=ResponseState.WRITING,
        ),
        version,
        route,
    )
    if version.provider and version.provider.kind == ProviderKind.REPLAY:
        recorded = recorded_answer(asked.messages, version.id)
        if recorded is None:
            raise GatewayError(503, "model_unavailable", "The recorded answer is gone.")
        attempt.recorded = recorded.text
        attempt.response.licence = recorded.licence
        attempt.response.sampling = {"replay_of": recorded.public_id}
    attempt.response.save()
    Response.objects.filter(pk=attempt.response.pk).update(writing_until=Now() + CLAIM)
    return attempt


def attempt_end(attempt: Attempt, state: ResponseState, text: str, **fields: Any) -> None:
    """Store what came; what is complete is looked at as any answer is."""
    response = attempt.response
    with transaction.atomic():
        changed = Response.objects.filter(pk=response.pk, state=ResponseState.WRITING).update(
            state=state, text=text, **fields
        )
        if changed and fields.get("flaw"):
            flaw_report(response=response, flaw=fields["flaw"], text=text)
        if changed and state in (ResponseState.FINISHED, ResponseState.STOPPED):
            answer_check(Response.objects.select_related("version__model").get(pk=response.pk))


def models_served() -> tuple[list[str], list[ModelVersion]]:
    """Return the names that let routing choose, and the versions that can be asked by name."""
    routers = [AUTO, *(f"{ROUTER}{name}" for name in threshold_names())]
    return routers, list(live_versions().select_related("provider").order_by("label"))
