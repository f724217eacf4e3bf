"""Routing over REST."""

from typing import Any

from rest_framework import serializers
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.people.authentication import contributor_of, scope
from feedback.routing.selectors import routable_versions, route_body
from feedback.routing.services import PolicyName, models_route


class MessageInput(serializers.Serializer[Any]):
    """One message of a conversation."""

    role = serializers.ChoiceField(["system", "user", "assistant"])
    content = serializers.CharField(max_length=1_000_000, trim_whitespace=False)


class RouteInput(serializers.Serializer[Any]):
    """A prompt, and how many models are wanted for it."""

    messages = MessageInput(many=True, allow_empty=False)
    k = serializers.IntegerField(min_value=1, max_value=2, default=2)
    policy = serializers.ChoiceField(PolicyName.choices, default=PolicyName.AUTO)


@api_view(["POST"])
@permission_classes([scope("models:use")])
def route(request: Request) -> Response:
    """Which models to show for a prompt, and how likely that was."""
    wanted = RouteInput(data=request.data)
    wanted.is_valid(raise_exception=True)
    routed = models_route(
        candidates=routable_versions(),
        contributor=contributor_of(request),
        **wanted.validated_data,
    )
    return Response(route_body(routed))
