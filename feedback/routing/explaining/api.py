"""The explanation of a decision over REST."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.people.authentication import contributor_of, scope
from feedback.routing.explaining.sentences import sentences
from feedback.routing.explaining.why import Explanation, explain, route_find


class ConsideredOutput(serializers.Serializer[Any]):
    """A model that could have been chosen; the score with a 95 % interval."""

    model = serializers.CharField(source="label")
    score = serializers.FloatField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    propensity = serializers.FloatField()
    rank = serializers.IntegerField()


class ExplanationOutput(serializers.Serializer[Any]):
    """A decision, and why it was made."""

    route = serializers.CharField(source="route.public_id")
    created_at = serializers.DateTimeField(source="route.created_at")
    policy = serializers.CharField(source="route.policy")
    constraints = serializers.JSONField(source="route.constraints")
    models = ConsideredOutput(many=True, source="chosen")
    others = ConsideredOutput(many=True, help_text="The best of those that were not chosen.")
    considered = serializers.IntegerField()
    explored = serializers.BooleanField(
        help_text="Whether a better one was passed over to learn more."
    )
    pair_propensity = serializers.FloatField(source="route.pair_propensity")
    router_version = serializers.CharField(source="route.router_version")
    fallback = serializers.SerializerMethodField()
    strong_chance = serializers.FloatField(source="route.strong_chance", allow_null=True)
    threshold = serializers.FloatField(source="route.threshold", allow_null=True)
    why = serializers.SerializerMethodField()

    def get_fallback(self, found: Explanation) -> str | None:
        """Return why the prompt was not used."""
        return found.route.fallback or None

    def get_why(self, found: Explanation) -> list[str]:
        """Return the reasons in sentences."""
        return sentences(found)


@extend_schema(responses=ExplanationOutput)
@api_view(["GET"])
@permission_classes([scope("models:use")])
def route_explained(request: Request, public_id: str) -> Response:
    """Say why these models were chosen, to who asked and to operators; a duel once it is judged."""
    route = route_find(viewer=contributor_of(request), public_id=public_id)
    return Response(ExplanationOutput(explain(route)).data)
