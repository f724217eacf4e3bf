"""The leaderboard over REST: public, no key needed."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.errors import InvalidError
from feedback.ranking.selectors import leaderboard
from feedback.ranking.style_control import styled_leaderboard

YES, NO = ("true", "1"), ("false", "0")


class RatingOutput(serializers.Serializer[Any]):
    """A model's place: a rating with its 95 % interval, and the ranks that it leaves open."""

    model = serializers.CharField()
    slug = serializers.CharField()
    field = serializers.CharField()
    rating = serializers.FloatField()
    ci_low = serializers.FloatField()
    ci_high = serializers.FloatField()
    rank_low = serializers.IntegerField()
    rank_high = serializers.IntegerField()
    n = serializers.IntegerField()


@extend_schema(
    responses=RatingOutput(many=True),
    parameters=[OpenApiParameter(name) for name in ("topic", "rater_kind", "style_control")],
)
@api_view(["GET"])
@authentication_classes([])
@permission_classes([AllowAny])
def leaderboard_list(request: Request) -> Response:
    """`[{"model", "rating", "ci_low", "ci_high", "rank_low", "rank_high", "n"}]`, best first."""
    filters = {name: request.GET.get(name, "") for name in ("topic", "rater_kind")}
    board = styled_leaderboard(**filters) if _asked(request) else leaderboard(**filters)
    return Response(RatingOutput(board.rows, many=True).data)


def _asked(request: Request) -> bool:
    """Return whether style is to be held equal."""
    asked = request.GET.get("style_control", "").lower()
    if asked not in ("", *YES, *NO):
        raise InvalidError({"style_control": _("Not one of %s.") % "true, false"})
    return asked in YES
