"""Routing over REST: the models for a prompt."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.people.authentication import contributor_of, scope
from feedback.routing.constraints import Constraints
from feedback.routing.models import PolicyName
from feedback.routing.selectors import routable_versions
from feedback.routing.services import models_route


class MessageInput(serializers.Serializer[Any]):
    """One message of a conversation."""

    role = serializers.ChoiceField(["system", "user", "assistant"])
    content = serializers.CharField(max_length=1_000_000, trim_whitespace=False)


class ConstraintsInput(serializers.Serializer[Any]):
    """Limits on the models, before any score counts."""

    topics = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=20,
        help_text="Slugs: only models whose specialities hold one, lie inside one or around one.",
    )
    languages = serializers.ListField(
        child=serializers.CharField(max_length=35),
        required=False,
        max_length=20,
        help_text="Codes such as de: only models with such a topic, by its code or name.",
    )
    max_price = serializers.FloatField(
        required=False,
        min_value=0,
        help_text="Of a million tokens, read or written. A model of unknown price is left out.",
    )
    max_latency_ms = serializers.FloatField(
        required=False,
        min_value=0,
        help_text="Median of the newest answers. A model never timed is left out.",
    )

    def constraints(self) -> Constraints:
        """Return the checked fields."""
        given = self.validated_data
        return Constraints(
            topics=tuple(given.get("topics", ())),
            languages=tuple(given.get("languages", ())),
            max_price=given.get("max_price"),
            max_latency_ms=given.get("max_latency_ms"),
        )


class RouteInput(ConstraintsInput):
    """A prompt, how many models are wanted for it, and by which policy."""

    messages = MessageInput(many=True, allow_empty=False)
    k = serializers.IntegerField(min_value=1, max_value=2, default=2)
    policy = serializers.CharField(
        max_length=64,
        default=PolicyName.AUTO,
        help_text="auto, best, explore, or the name of a threshold.",
    )


class RoutedModelOutput(serializers.Serializer[Any]):
    """A model that was chosen, and how likely that was."""

    model = serializers.CharField(source="version.label")
    version = serializers.CharField(source="version.version")
    score = serializers.FloatField(allow_null=True)
    propensity = serializers.FloatField()


class RouteOutput(serializers.Serializer[Any]):
    """A decision, as it is kept."""

    route = serializers.CharField(source="route.public_id")
    models = RoutedModelOutput(many=True, source="chosen")
    pair_propensity = serializers.FloatField(source="route.pair_propensity", allow_null=True)
    router_version = serializers.CharField(source="route.router_version")
    fallback = serializers.CharField(allow_null=True)
    latency_ms = serializers.FloatField(source="route.latency_ms")


@extend_schema(request=RouteInput, responses=RouteOutput)
@api_view(["POST"])
@permission_classes([scope("models:use")])
def route(request: Request) -> Response:
    """Choose the models to show for a prompt; say how likely each choice was."""
    wanted = RouteInput(data=request.data)
    wanted.is_valid(raise_exception=True)
    given = wanted.validated_data
    routed = models_route(
        messages=given["messages"],
        candidates=routable_versions(),
        k=given["k"],
        policy=given["policy"],
        constraints=wanted.constraints(),
        contributor=contributor_of(request),
    )
    return Response(RouteOutput(routed).data)
