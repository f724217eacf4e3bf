"""The queue over HTTP: the same leases and judgments as on the page."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.annotation.answers import Answer
from feedback.annotation.selectors import Held, campaign_find, task_shown
from feedback.annotation.services import (
    API,
    assignment_renew,
    assignment_skip,
    assignment_submit,
    task_hold,
    task_hold_more,
)
from feedback.campaigns.models import Assignment, SkipReason
from feedback.people.authentication import contributor_of, scope
from feedback.pool.api import (
    IDEMPOTENCY_KEY,
    JudgedSerializer,
    JudgmentSerializer,
    idempotency_key_of,
    model_labels,
)
from feedback.pool.choices import DISPLAYED_CHOICES

WORKER = permission_classes([scope("tasks:work")])


class NextSerializer(serializers.Serializer[Any]):
    """Which campaign to work for, and whether the hold is for later."""

    campaign = serializers.CharField(required=False, allow_null=True, max_length=100)
    prefetch = serializers.BooleanField(required=False, default=False)


class MessageSerializer(serializers.Serializer[Any]):
    """One message of a conversation."""

    role = serializers.CharField()
    content = serializers.CharField()


class AssignmentSerializer(serializers.Serializer[Any]):
    """A task to judge: blind, in the order to show."""

    assignment = serializers.CharField()
    lease_expires_at = serializers.DateTimeField()
    messages = MessageSerializer(many=True)
    responses = serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2)
    aspects = serializers.ListField(child=serializers.CharField())
    guidelines = serializers.CharField()


class AnswerSerializer(JudgmentSerializer):
    """A judgment by the places of the answers."""

    choice = serializers.ChoiceField(choices=DISPLAYED_CHOICES)


class SkipSerializer(serializers.Serializer[Any]):
    """Why a task is put back."""

    reason = serializers.ChoiceField(choices=SkipReason.choices)


class StateSerializer(serializers.Serializer[Any]):
    """Where an assignment stands."""

    assignment = serializers.CharField()
    state = serializers.CharField()
    lease_expires_at = serializers.DateTimeField()


@extend_schema(request=NextSerializer, responses={200: AssignmentSerializer, 204: None})
@api_view(["POST"])
@WORKER
def tasks_next(request: Request) -> Response:
    """The live assignment or a new one; with `prefetch` one more, while fewer than three live."""
    serializer = NextSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    wanted = serializer.validated_data
    slug = wanted.get("campaign")
    campaign = None if slug is None else campaign_find(slug)
    hold = task_hold_more if wanted["prefetch"] else task_hold
    taken = hold(contributor=contributor_of(request), campaign=campaign)
    return Response(status=204) if taken is None else Response(task_shown(taken))


@extend_schema(
    request=AnswerSerializer, responses={201: JudgedSerializer}, parameters=[IDEMPOTENCY_KEY]
)
@api_view(["POST"])
@WORKER
def tasks_submit(request: Request, token: str) -> Response:
    """Judge the task of a live assignment; the models' names come with the receipt."""
    key = idempotency_key_of(request)
    preference, created = assignment_submit(
        contributor=contributor_of(request),
        token=token,
        answer=Answer(**AnswerSerializer(data=request.data).validated()),
        idempotency_key=key,
        source=API,
    )
    names = model_labels(preference.comparison, preference.order_shown)
    body = {"preference": preference.public_id, "models": names}
    return Response(body, status=201 if created else 200)


@extend_schema(request=SkipSerializer, responses={200: StateSerializer})
@api_view(["POST"])
@WORKER
def tasks_skip(request: Request, token: str) -> Response:
    """Put a task back without a judgment."""
    serializer = SkipSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    reason = serializer.validated_data["reason"]
    return _state(assignment_skip(contributor=contributor_of(request), token=token, reason=reason))


@extend_schema(request=None, responses={200: StateSerializer})
@api_view(["POST"])
@WORKER
def tasks_renew(request: Request, token: str) -> Response:
    """Hold a task longer."""
    return _state(assignment_renew(contributor=contributor_of(request), token=token))


def _state(assignment: Assignment | Held) -> Response:
    return Response(
        {
            "assignment": assignment.token,
            "state": assignment.state,
            "lease_expires_at": assignment.expires_at,
        }
    )
