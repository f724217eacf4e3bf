"""Thresholds over REST, for operators with a key of the scope models:write."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.identifiers import NAME_LETTERS
from feedback.people.authentication import IsOperator, contributor_of, scope
from feedback.routing.thresholds.calibration import threshold_calibrate
from feedback.routing.thresholds.selectors import (
    threshold_get,
    thresholds_list,
    version_labelled,
)
from feedback.routing.thresholds.services import (
    LEAST_SHARE,
    LONGEST_NAME,
    MOST_SHARE,
    threshold_create,
    threshold_remove,
)

MAY_WRITE: list[type[BasePermission]] = [scope("models:write"), IsOperator]


class ThresholdInput(serializers.Serializer[Any]):
    """A pair of models, by their labels, and the share of prompts for the strong one."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    strong = serializers.CharField(max_length=NAME_LETTERS)
    weak = serializers.CharField(max_length=NAME_LETTERS)
    share = serializers.FloatField(min_value=LEAST_SHARE, max_value=MOST_SHARE)


class ThresholdOutput(serializers.Serializer[Any]):
    """A threshold, with the embedding and the number of prompts that it was calibrated on."""

    name = serializers.CharField()
    strong = serializers.CharField(source="strong.label")
    weak = serializers.CharField(source="weak.label")
    share = serializers.FloatField()
    threshold = serializers.FloatField(allow_null=True)
    prompts = serializers.IntegerField()
    embedding = serializers.CharField(source="checkpoint", allow_null=True)
    calibrated_at = serializers.DateTimeField(allow_null=True)


@extend_schema(methods=["GET"], responses=ThresholdOutput(many=True))
@extend_schema(methods=["POST"], request=ThresholdInput, responses={201: ThresholdOutput})
@api_view(["GET", "POST"])
@permission_classes(MAY_WRITE)
def thresholds(request: Request) -> Response:
    """List all thresholds, or add one."""
    if request.method == "GET":
        return Response(ThresholdOutput(thresholds_list(), many=True).data)
    wanted = ThresholdInput(data=request.data)
    wanted.is_valid(raise_exception=True)
    given = wanted.validated_data
    made = threshold_create(
        name=given["name"],
        strong=version_labelled("strong", given["strong"]),
        weak=version_labelled("weak", given["weak"]),
        share=given["share"],
        actor=contributor_of(request),
    )
    return Response(ThresholdOutput(threshold_get(made.name)).data, status=201)


@extend_schema(methods=["GET"], responses=ThresholdOutput)
@extend_schema(methods=["DELETE"], responses={204: None})
@api_view(["GET", "DELETE"])
@permission_classes(MAY_WRITE)
def threshold(request: Request, name: str) -> Response:
    """Return one threshold, or remove it."""
    if request.method == "GET":
        return Response(ThresholdOutput(threshold_get(name)).data)
    threshold_remove(name=name, actor=contributor_of(request))
    return Response(status=204)


@extend_schema(request=None, responses=ThresholdOutput)
@api_view(["POST"])
@permission_classes(MAY_WRITE)
def threshold_calibration(_request: Request, name: str) -> Response:
    """Calibrate a threshold anew on the newest prompts and the live embedding."""
    threshold_calibrate(threshold=threshold_get(name))
    return Response(ThresholdOutput(threshold_get(name)).data)
