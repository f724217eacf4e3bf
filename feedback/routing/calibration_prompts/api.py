"""Calibration prompts over REST, for operators with a key of the scope models:write.

The address and the names of the schema call them the probe.
"""

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.people.authentication import IsOperator, scope
from feedback.registry.selectors import version_get
from feedback.routing.api import MessageInput
from feedback.routing.calibration_prompts.requests import calibration_of, calibration_request

MAY_WRITE: list[type[BasePermission]] = [scope("models:write"), IsOperator]


class ProbeAnswerOutput(serializers.Serializer[Any]):
    """A calibration prompt, the share of all prompts it stands for, and what was answered."""

    messages = MessageInput(many=True, source="prompt.turn.messages")
    weight = serializers.FloatField(source="prompt.weight")
    answer = serializers.CharField(
        source="answer.text", allow_null=True, default=None, help_text="null: not answered yet."
    )
    names_its_model = serializers.BooleanField(
        source="answer.names_its_model",
        allow_null=True,
        default=None,
        help_text="Whether it gives its model away or claims to be another.",
    )


class ProbeOutput(serializers.Serializer[Any]):
    """A version's progress with the calibration prompts."""

    model = serializers.CharField(source="version.label")
    prompts = serializers.IntegerField()
    missing = serializers.IntegerField(help_text="Prompts that it has not answered.")
    gave_vector = serializers.BooleanField(
        help_text="Whether its answers gave it a first vector in the live embedding."
    )
    answers = ProbeAnswerOutput(many=True)


@extend_schema(methods=["GET"], responses=ProbeOutput)
@extend_schema(methods=["POST"], request=None, responses={200: ProbeOutput, 202: ProbeOutput})
@api_view(["GET", "POST"])
@permission_classes(MAY_WRITE)
def probe(request: Request, version_id: uuid.UUID) -> Response:
    """Return what a version has answered; or have it asked the rest, in the background: 202.

    It is asked nothing twice: 200 where it has answered all calibration prompts.
    """
    version = version_get(version_id)
    asked = calibration_request(version) if request.method == "POST" else 0
    return Response(ProbeOutput(calibration_of(version)).data, status=202 if asked else 200)
