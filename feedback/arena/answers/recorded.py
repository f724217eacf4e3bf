"""Questions of the pool that models have answered before, and those answers, to replay."""

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Length

from feedback.pool.hashing import messages_hash
from feedback.pool.models import Response, ResponseState, Turn
from feedback.registry.models import ProviderKind, VersionState

PAGE_SIZE = 20
EXAMPLES = 3
EXAMPLE_LENGTH = 200  # characters: an example is read at a glance
EXAMPLE_DRAWS = 60  # questions among which examples of different topics are looked for

REPLAYED = Q(
    state=ResponseState.FINISHED,
    withheld_at=None,
    version__state=VersionState.ACTIVE,
    version__provider__kind=ProviderKind.REPLAY,
    version__provider__state=VersionState.ACTIVE,
)
IMPORTED = Q(import_key__isnull=False, withheld_at=None)  # prompts that may be shown


@dataclass(frozen=True, slots=True)
class QuestionPage:
    """Some of the recorded questions, and where the next ones begin."""

    questions: list[Turn]
    after: str  # the identifier to go on from; empty on the last page


def recorded_answers(messages: Sequence[Mapping[str, Any]]) -> QuerySet[Response]:
    """Return the recorded answers to exactly this prompt by models that replay them."""
    return Response.objects.filter(
        REPLAYED,
        turn__content_hash=messages_hash(messages),
        turn__import_key__isnull=False,
        turn__withheld_at=None,
    )


def recorded_answer(
    messages: Sequence[Mapping[str, Any]], version_id: uuid.UUID
) -> Response | None:
    """Return the first answer that this version once gave."""
    answers = recorded_answers(messages).filter(version_id=version_id)
    return answers.order_by("sample_index", "id").first()


def recorded_question(messages: Sequence[Mapping[str, Any]]) -> Turn | None:
    """Return the imported prompt with these very messages."""
    digest = messages_hash(messages)
    return Turn.objects.filter(IMPORTED, content_hash=digest).first()


def question_found(public_id: str) -> Turn | None:
    """Return the imported prompt by the identifier of the conversation that frames it."""
    imported = Turn.objects.filter(IMPORTED).exclude(messages=[])
    if not (public_id.isascii() and public_id.isalnum()):
        return None
    return imported.filter(conversation__public_id=public_id).first()


def questions_page(*, text: str = "", after: uuid.UUID | None = None) -> QuestionPage:
    """Return twenty recorded questions that contain the text, in the order they came."""
    found = _questions().order_by("id")
    if text:
        found = found.filter(Q(asked__icontains=text))
    if after is not None:
        found = found.filter(id__gt=after)
    questions = list(found[: PAGE_SIZE + 1])
    rest = len(questions) > PAGE_SIZE
    questions = questions[:PAGE_SIZE]
    return QuestionPage(questions, questions[-1].conversation.public_id if rest else "")


def question_examples(language: str) -> list[Turn]:
    """Return three short questions in a language, of different topics if possible."""
    spoken = _questions().filter(language__in=["", language])
    short = spoken.annotate(length=Length("asked")).filter(length__lte=EXAMPLE_LENGTH)
    start = os.urandom(32)  # content hashes are uniform, so a random one is a random place
    drawn = list(short.filter(content_hash__gte=start).order_by("content_hash")[:EXAMPLE_DRAWS])
    if len(drawn) < EXAMPLE_DRAWS:
        drawn += short.filter(content_hash__lt=start).order_by("content_hash")[:EXAMPLE_DRAWS]
    return _of_different_topics(drawn)


def _of_different_topics(drawn: Sequence[Turn]) -> list[Turn]:
    through = Turn.topics.through
    links = through.objects.filter(turn__in=drawn).values_list("turn_id", "topic_id")
    topics = dict(links)
    first_of: dict[object, Turn] = {}
    for turn in drawn:
        first_of.setdefault(topics.get(turn.id), turn)
    chosen = list(first_of.values())[:EXAMPLES]
    others = [turn for turn in drawn if turn not in chosen]
    return (chosen + others)[:EXAMPLES]


def _questions() -> QuerySet[Turn]:
    """Return imported prompts of one message that at least two models can replay.

    The number is looked up prompt by prompt, so that a page of them costs no look at all others.
    """
    answers = Response.objects.filter(REPLAYED, turn=OuterRef("pk")).order_by()
    models = answers.values("turn").annotate(n=Count("version", distinct=True)).values("n")
    asked = Turn.objects.filter(
        IMPORTED, messages__0__role="user", messages__1__isnull=True
    ).annotate(
        asked=KeyTextTransform("content", KeyTransform("0", F("messages"))),
        models=Subquery(models),
    )
    return asked.filter(models__gte=2).select_related("conversation")
