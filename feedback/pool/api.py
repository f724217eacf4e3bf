"""The pool over HTTP: judgments and reactions from other clients."""

from typing import Any

from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.errors import ApplicationError
from feedback.people.authentication import contributor_of, scope
from feedback.people.selectors import consent_required, rater_of
from feedback.pool.judgment import DURATION_LIMIT, RATIONALE_LIMIT, REASONS_LIMIT, Judgment
from feedback.pool.models import REASON_LENGTH, Choice, Comparison, Order, RaterRole
from feedback.pool.reactions import reaction_record
from feedback.pool.reveal import model_names_reveal
from feedback.pool.selectors import comparison_find, response_find
from feedback.pool.services import Provenance, preference_record

ASPECTS_LIMIT = 20
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="Made by the client; a repeat with the same key gives the first result.",
)


class AspectsField(serializers.DictField):
    """A choice for each aspect, by its name."""

    child = serializers.CharField(max_length=16)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Check that names and choices are short and storable."""
        aspects: dict[str, str] = super().to_internal_value(data)
        if len(aspects) > ASPECTS_LIMIT:
            raise serializers.ValidationError(f"At most {ASPECTS_LIMIT} aspects.")
        name = serializers.CharField(max_length=64)
        return {name.run_validation(key): value for key, value in aspects.items()}


class JudgmentSerializer(serializers.Serializer[Any]):
    """What every judgment may say beside its choice."""

    strength = serializers.FloatField(required=False, allow_null=True)
    aspects = AspectsField(required=False)
    confidence = serializers.FloatField(required=False, allow_null=True)
    reasons = serializers.ListField(
        child=serializers.CharField(max_length=REASON_LENGTH),
        required=False,
        max_length=REASONS_LIMIT,
    )
    rationale = serializers.CharField(
        required=False, allow_blank=True, max_length=RATIONALE_LIMIT, trim_whitespace=False
    )
    duration_ms = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=DURATION_LIMIT
    )

    def validated(self) -> dict[str, Any]:
        """Return the fields that were sent, with reasons as a tuple."""
        self.is_valid(raise_exception=True)
        fields = dict(self.validated_data)
        if "reasons" in fields:
            fields["reasons"] = tuple(fields["reasons"])
        return fields


class PreferenceSerializer(JudgmentSerializer):
    """A judgment of a comparison, in the comparison's own order."""

    comparison = serializers.CharField(max_length=32)
    choice = serializers.ChoiceField(choices=Choice.choices)
    order_shown = serializers.ChoiceField(choices=Order.choices, required=False)


class ReactionSerializer(serializers.Serializer[Any]):
    """A reaction to one answer."""

    kind = serializers.CharField(max_length=16)
    value = serializers.JSONField(required=False, allow_null=True)


class JudgedSerializer(serializers.Serializer[Any]):
    """The receipt of a judgment: its identifier, and who had answered."""

    preference = serializers.CharField()
    models = serializers.ListField(child=serializers.CharField(allow_null=True))


def idempotency_key_of(request: Request) -> str:
    """Return the key that the client gave its request; raise ApplicationError without one."""
    key: str = request.headers.get("Idempotency-Key", "")
    if not (1 <= len(key) <= 100 and key.isascii() and key.isprintable()):
        raise ApplicationError(
            "idempotency_key",
            "Send a header Idempotency-Key of 1 to 100 printable ASCII characters.",
        )
    return key


def model_labels(comparison: Comparison, order: str = Order.AB) -> list[str | None]:
    """Return who had answered, in the order given; None where it is not known."""
    versions = {"a": comparison.version_a, "b": comparison.version_b}
    return [version.label if version else None for version in map(versions.get, order)]


@extend_schema(
    request=PreferenceSerializer, responses={201: JudgedSerializer}, parameters=[IDEMPOTENCY_KEY]
)
@api_view(["POST"])
@permission_classes([scope("preferences:write")])
def preferences(request: Request) -> Response:
    """Judge a comparison."""
    key = idempotency_key_of(request)
    fields = PreferenceSerializer(data=request.data).validated()
    contributor = contributor_of(request)
    consent = consent_required(contributor)
    comparison = comparison_find(fields.pop("comparison"))
    own = comparison.turn.conversation.contributor_id == contributor.id
    with transaction.atomic():
        preference, created = preference_record(
            comparison=comparison,
            rater_id=rater_of(contributor).pk,
            judgment=Judgment(**fields),
            idempotency_key=key,
            provenance=Provenance(
                source="api",
                consent_id=consent.pk,
                role=RaterRole.AUTHOR if own else RaterRole.THIRD_PARTY,
            ),
        )
        if own:  # the receipt names the models
            model_names_reveal(comparison.turn.conversation)
    receipt = {"preference": preference.public_id, "models": model_labels(comparison)}
    return Response(JudgedSerializer(receipt).data, status=201 if created else 200)


@extend_schema(request=ReactionSerializer, responses={201: ReactionSerializer})
@api_view(["POST"])
@permission_classes([scope("preferences:write")])
def reactions(request: Request, public_id: str) -> Response:
    """React to one answer: a thumb, the text as it should have been, a regeneration, a copy."""
    serializer = ReactionSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    contributor = contributor_of(request)
    consent_required(contributor)
    reaction = reaction_record(
        response=response_find(public_id), rater=rater_of(contributor), **serializer.validated_data
    )
    return Response(ReactionSerializer(reaction).data, status=201)
