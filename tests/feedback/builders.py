"""Small real rows for tests: a prompt, two answers by two models, a judge."""

import hashlib
import itertools
import uuid

from django.utils import timezone
from django.utils.text import slugify

from feedback.people.models import ConsentRecord, Contributor, Rater
from feedback.people.services import consent_give, contributor_create
from feedback.pool.judgment import Judgment
from feedback.pool.models import Comparison, Conversation, Preference, Response, Turn
from feedback.pool.services import Provenance, preference_record, preferences_withdraw
from feedback.registry.models import LanguageModel, ModelVersion

_numbers = itertools.count(1)


def make_contributor(name: str | None = None) -> Contributor:
    """A contributor who agreed to the terms."""
    contributor = contributor_create(name=name)
    consent_give(contributor=contributor)
    return contributor


def make_version(name: str | None = None) -> ModelVersion:
    """The first version of a new model."""
    name = name or f"Model {next(_numbers)}"
    model = LanguageModel.objects.create(slug=slugify(name, allow_unicode=True), name=name)
    return ModelVersion.objects.create(model=model, version="1", label=name)


def make_turn(text: str | None = None) -> Turn:
    """A prompt of one message."""
    text = text or f"What is {next(_numbers)}?"
    return Turn.objects.create(
        conversation=Conversation.objects.create(source="test"),
        messages=[{"role": "user", "content": text}],
        content_hash=hashlib.sha256(text.encode()).digest(),
    )


def make_response(turn: Turn, version: ModelVersion | None, text: str = "An answer.") -> Response:
    """A finished answer."""
    return Response.objects.create(
        turn=turn,
        version=version,
        text=text,
        text_hash=hashlib.sha256(text.encode()).digest(),
        source="test",
        licence="CC0-1.0",
    )


def make_comparison(
    turn: Turn | None = None,
    version_a: ModelVersion | None = None,
    version_b: ModelVersion | None = None,
) -> Comparison:
    """Two answers to one prompt."""
    turn = turn or make_turn()
    a, b = version_a or make_version(), version_b or make_version()
    return Comparison.objects.create(
        turn=turn,
        response_a=make_response(turn, a, f"Answer {next(_numbers)}."),
        response_b=make_response(turn, b, f"Answer {next(_numbers)}."),
        version_a=a,
        version_b=b,
    )


def judge(
    comparison: Comparison,
    contributor: Contributor,
    choice: str = "a",
    supersedes: Preference | None = None,
    **fields: object,
) -> Preference:
    """A judgment by a contributor, through the one write path."""
    preference, _ = preference_record(
        comparison=comparison,
        rater_id=Rater.objects.get(contributor=contributor).pk,
        judgment=Judgment(choice=choice, **fields),  # type: ignore[arg-type]
        idempotency_key=uuid.uuid4().hex,
        provenance=Provenance(
            source="test",
            consent_id=ConsentRecord.objects.filter(contributor=contributor).last().pk,
            judged_at=timezone.now(),
        ),
        supersedes=supersedes,
    )
    return preference


def withdraw(preference: Preference, actor: Contributor) -> None:
    """Take a judgment back, and read it anew."""
    preferences_withdraw(rows=Preference.objects.filter(pk=preference.pk), actor=actor)
    preference.refresh_from_db()
