"""The models over REST: public to read; operators add to the list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import SAFE_METHODS, AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.catalogue.benchmarks import BenchmarkLine, benchmark_lines
from feedback.catalogue.selectors import RatedModel, model_get, models_list, rated_models
from feedback.ranking.api import RatingOutput
from feedback.registry.api import ModelCreateView
from feedback.training.models import CheckpointState


class LineageOutput(serializers.Serializer[Any]):
    """The lineage of a model that was trained here."""

    checkpoint = serializers.CharField(source="digest")
    run = serializers.IntegerField(source="run.number")
    snapshot = serializers.CharField(source="run.snapshot_digest")


class ModelOutput(serializers.Serializer[Any]):
    """A model with its newest version."""

    model = serializers.CharField(source="version.label")
    slug = serializers.CharField(source="model.slug")
    description = serializers.CharField(source="model.description")
    topics = serializers.ListField(child=serializers.CharField(), source="topic_slugs")
    version = serializers.CharField(source="version.version")
    state = serializers.CharField(source="version.state")
    licence = serializers.CharField(source="version.output_licence")
    lineage = LineageOutput(allow_null=True)
    rating = RatingOutput(allow_null=True, source="row")


class BenchmarkOutput(serializers.Serializer[Any]):
    """A model's mean score on a benchmark with a 95 % interval, as the last training found it.

    `known`: `measured` on nearly all questions, `estimated` from `n` of them, or `forecast` for a
    model that was not run on any. A benchmark is a source of outcomes, or a `topic` of it.
    """

    benchmark = serializers.CharField(source="source")
    topic = serializers.CharField(allow_blank=True)
    questions = serializers.IntegerField()
    known = serializers.ChoiceField(
        choices=["measured", "estimated", "forecast"], source="known.how"
    )
    n = serializers.IntegerField(source="known.n")
    accuracy = serializers.FloatField(source="known.accuracy")
    ci_low = serializers.FloatField(source="known.low")
    ci_high = serializers.FloatField(source="known.high")


class ModelDetailOutput(ModelOutput):
    """A model, with its vector: models that are near each other do well on the same prompts."""

    embedding = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    benchmarks = BenchmarkOutput(many=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailedModel(RatedModel):
    """A model with its vector [k] in the promoted embedding and its accuracy on benchmarks."""

    embedding: Sequence[float] | None
    benchmarks: Sequence[BenchmarkLine]


class ModelsView(ModelCreateView):
    """Anyone may read the list; operators add to it."""

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Return none for reading: who reads is not asked who they are."""
        return [] if self._is_read() else super().get_authenticators()

    def get_permissions(self) -> Sequence[Any]:
        """Return none for reading, which is for everyone."""
        return [] if self._is_read() else super().get_permissions()

    def _is_read(self) -> bool:
        return self.request is None or self.request.method in SAFE_METHODS

    @extend_schema(operation_id="v1_models_list", responses=ModelOutput(many=True))
    def get(self, _request: Request) -> Response:
        """List every model with its newest version and its rating."""
        return Response(ModelOutput(rated_models(models_list()), many=True).data)


@extend_schema(responses=ModelDetailOutput)
@api_view(["GET"])
@authentication_classes([])
@permission_classes([AllowAny])
def model_detail(_request: Request, slug: str) -> Response:
    """Return one model, with its vector in the promoted embedding and its benchmarks."""
    (rated,) = rated_models([model_get(slug)])
    live = rated.version.vectors.filter(checkpoint__state=CheckpointState.LIVE).first()
    found = benchmark_lines(rated.version)
    detailed = DetailedModel(
        model=rated.model,
        version=rated.version,
        row=rated.row,
        embedding=live.vector if live else None,
        benchmarks=found.lines if found else (),
    )
    return Response(ModelDetailOutput(detailed).data)
