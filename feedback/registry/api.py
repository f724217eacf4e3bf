"""Providers, models and versions over REST, for operators with a key of the scope models:write."""

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback.people.authentication import IsOperator, contributor_of, scope
from feedback.registry.health_check import provider_try, version_try
from feedback.registry.models import ModelVersion, Provider, VersionState
from feedback.registry.selectors import (
    health_of,
    model_named,
    provider_get,
    provider_named,
    providers_list,
    version_get,
)
from feedback.registry.services import (
    CallSettings,
    model_create,
    provider_create,
    state_set,
    version_change,
    version_create,
    version_price,
)

MAY_WRITE: list[type[BasePermission]] = [scope("models:write"), IsOperator]


class ProviderInput(serializers.Serializer[Any]):
    """A server. Its key is named by a variable of the server's environment, and never sent here."""

    name = serializers.CharField(max_length=100)
    base_url = serializers.CharField(max_length=200)
    api_key_variable = serializers.CharField(max_length=100, required=False, allow_blank=True)
    requests_per_minute = serializers.IntegerField(required=False, allow_null=True)


@extend_schema_serializer(component_name="ConditionOutput")
class HealthOutput(serializers.Serializer[Any]):
    """How it is: in use, failing, resting by itself, paused or retired, and the last error."""

    state = serializers.CharField()
    words = serializers.CharField()
    failures = serializers.IntegerField()
    since = serializers.DateTimeField(allow_null=True)
    next_try = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()
    last_error_at = serializers.DateTimeField(allow_null=True)


class WithHealthOutput(serializers.Serializer[Any]):
    """Something that is asked, and how it is."""

    id = serializers.UUIDField()
    condition = serializers.SerializerMethodField()

    @extend_schema_field(HealthOutput)
    def get_condition(self, row: Provider | ModelVersion) -> dict[str, Any]:
        """Read from the row."""
        return HealthOutput(health_of(row)).data


class ProviderOutput(WithHealthOutput):
    """A server and how it is."""

    name = serializers.CharField()
    kind = serializers.CharField()
    base_url = serializers.CharField()
    api_key_variable = serializers.CharField()
    requests_per_minute = serializers.IntegerField(allow_null=True)


@extend_schema_serializer(component_name="AskingInput")
class CallSettingsInput(serializers.Serializer[Any]):
    """What a version asks, of whom, and how."""

    provider = serializers.CharField(max_length=100, help_text="The name of a provider.")
    remote_name = serializers.CharField(max_length=300, help_text="The model's name there.")
    system_prompt = serializers.CharField(
        required=False, allow_blank=True, max_length=20_000, trim_whitespace=False
    )
    sampling = serializers.DictField(required=False)
    output_licence = serializers.CharField(required=False, allow_blank=True, max_length=64)

    def call_settings(self) -> CallSettings:
        """Return the checked fields, with the provider that is meant."""
        self.is_valid(raise_exception=True)
        names = [name for name in CallSettings.__slots__ if name in self.validated_data]
        fields = {name: self.validated_data[name] for name in names}
        return CallSettings(
            **fields | {"provider": provider_named(self.validated_data["provider"])}
        )


@extend_schema_serializer(component_name="ModelInput")
class ModelInput(CallSettingsInput):
    """A model with its first version."""

    name = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True, max_length=5000)
    topics = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, max_length=20
    )


class VersionOutput(WithHealthOutput):
    """A version, what it asks, and how it is."""

    model = serializers.CharField(source="label")
    slug = serializers.CharField(source="model.slug")
    version = serializers.CharField()
    provider = serializers.CharField(source="provider.name", allow_null=True)
    remote_name = serializers.CharField()
    system_prompt = serializers.CharField()
    sampling = serializers.JSONField()
    output_licence = serializers.CharField()
    input_price = serializers.DecimalField(max_digits=12, decimal_places=4, allow_null=True)
    output_price = serializers.DecimalField(max_digits=12, decimal_places=4, allow_null=True)


class PriceInput(serializers.Serializer[Any]):
    """What a million tokens cost, read and written, in the site's currency; null: not known."""

    input_price = serializers.DecimalField(max_digits=12, decimal_places=4, allow_null=True)
    output_price = serializers.DecimalField(max_digits=12, decimal_places=4, allow_null=True)


class StateInput(serializers.Serializer[Any]):
    """In use, paused, or retired for good."""

    state = serializers.ChoiceField(VersionState.choices)


class TrialOutput(serializers.Serializer[Any]):
    """What came of a test call: some text, or a problem in words."""

    model = serializers.CharField(source="version.label")
    text = serializers.CharField()
    problem = serializers.CharField()


class ModelCreateView(APIView):
    """`POST /api/v1/models/`; who lists the models adds `get`."""

    permission_classes = MAY_WRITE

    @extend_schema(request=ModelInput, responses={201: VersionOutput})
    def post(self, request: Request) -> Response:
        """Register a model and its first version."""
        given = ModelInput(data=request.data)
        call_settings = given.call_settings()
        version = model_create(
            name=given.validated_data["name"],
            description=given.validated_data.get("description", ""),
            topics=given.validated_data.get("topics", ()),
            call_settings=call_settings,
            actor=contributor_of(request),
        )
        return Response(VersionOutput(version).data, status=201)


@extend_schema(request=CallSettingsInput, responses={201: VersionOutput})
@api_view(["POST"])
@permission_classes(MAY_WRITE)
def versions(request: Request, slug: str) -> Response:
    """Add a version to a model; the others stay as they are."""
    version = version_create(
        model=model_named(slug),
        call_settings=CallSettingsInput(data=request.data).call_settings(),
        actor=contributor_of(request),
    )
    return Response(VersionOutput(version).data, status=201)


@extend_schema(request=CallSettingsInput, responses=VersionOutput)
@api_view(["POST"])
@permission_classes(MAY_WRITE)
def version(request: Request, version_id: uuid.UUID) -> Response:
    """Change what a version asks; one that has answered is retired, and a new one is made."""
    changed = version_change(
        version=version_get(version_id),
        call_settings=CallSettingsInput(data=request.data).call_settings(),
        actor=contributor_of(request),
    )
    return Response(VersionOutput(changed).data)


@extend_schema(request=StateInput, responses=VersionOutput)
@api_view(["POST"])
@permission_classes(MAY_WRITE)
def version_state(request: Request, version_id: uuid.UUID) -> Response:
    """Pause a version, use it again, or retire it."""
    state_set(of=version_get(version_id), state=_state(request), actor=contributor_of(request))
    return Response(VersionOutput(version_get(version_id)).data)


@extend_schema(request=PriceInput, responses=VersionOutput)
@api_view(["POST"])
@permission_classes(MAY_WRITE)
def version_prices(request: Request, version_id: uuid.UUID) -> Response:
    """Say what a version costs."""
    given = PriceInput(data=request.data)
    given.is_valid(raise_exception=True)
    version_price(
        version=version_get(version_id),
        read=given.validated_data["input_price"],
        written=given.validated_data["output_price"],
        actor=contributor_of(request),
    )
    return Response(VersionOutput(version_get(version_id)).data)


@extend_schema(request=None, responses=TrialOutput)
@api_view(["POST"])
@permission_classes(MAY_WRITE)
def version_trial(_request: Request, version_id: uuid.UUID) -> Response:
    """Ask a version for a few words."""
    return Response(TrialOutput(version_try(version_get(version_id))).data)


@extend_schema(methods=["GET"], responses=ProviderOutput(many=True))
@extend_schema(methods=["POST"], request=ProviderInput, responses={201: ProviderOutput})
@api_view(["GET", "POST"])
@permission_classes(MAY_WRITE)
def providers(request: Request) -> Response:
    """List all providers with their health, or add one."""
    if request.method == "GET":
        return Response(ProviderOutput(providers_list(), many=True).data)
    given = ProviderInput(data=request.data)
    given.is_valid(raise_exception=True)
    made = provider_create(actor=contributor_of(request), **given.validated_data)
    return Response(ProviderOutput(made).data, status=201)


@extend_schema(request=StateInput, responses=ProviderOutput)
@api_view(["POST"])
@permission_classes(MAY_WRITE)
def provider_state(request: Request, provider_id: uuid.UUID) -> Response:
    """Pause a provider, use it again, or retire it."""
    state_set(of=provider_get(provider_id), state=_state(request), actor=contributor_of(request))
    return Response(ProviderOutput(provider_get(provider_id)).data)


@extend_schema(request=None, responses=TrialOutput(many=True))
@api_view(["POST"])
@permission_classes(MAY_WRITE)
def provider_trial(_request: Request, provider_id: uuid.UUID) -> Response:
    """Ask the versions of a provider until one answers: it then comes back."""
    return Response(TrialOutput(provider_try(provider_get(provider_id)), many=True).data)


def _state(request: Request) -> str:
    given = StateInput(data=request.data)
    given.is_valid(raise_exception=True)
    return str(given.validated_data["state"])
