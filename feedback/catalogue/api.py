"""The models over REST: public to read; operators add to the list."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import SAFE_METHODS, AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.catalogue.benchmarks import BenchmarkLine, benchmark_lines
from feedback.catalogue.selectors import model_get, models_list, newest_version
from feedback.ranking.api import RatingOutput
from feedback.ranking.selectors import Row, leaderboard
from feedback.registry.api import ModelCreateView
from feedback.registry.models import LanguageModel
from feedback.training.models import CheckpointState


class LineageOutput(serializers.Serializer[Any]):
    """What a model that was trained here came from."""

    checkpoint = serializers.CharField()
    run = serializers.IntegerField()
    snapshot = serializers.CharField()


class ModelOutput(serializers.Serializer[Any]):
    """A model with its newest version."""

    model = serializers.CharField()
    slug = serializers.CharField()
    description = serializers.CharField()
    topics = serializers.ListField(child=serializers.CharField())
    version = serializers.CharField()
    state = serializers.CharField()
    licence = serializers.CharField()
    lineage = LineageOutput(allow_null=True)
    rating = RatingOutput(allow_null=True)


class BenchmarkOutput(serializers.Serializer[Any]):
    """A model's mean score on a benchmark with a 95 % interval, as the last training found it.

    `known`: `measured` on nearly all questions, `estimated` from `n` of them, or `forecast` for a
    model that was not run on any. A benchmark is a source of outcomes, or a `topic` of it.
    """

    benchmark = serializers.CharField()
    topic = serializers.CharField(allow_blank=True)
    questions = serializers.IntegerField()
    known = serializers.ChoiceField(choices=["measured", "estimated", "forecast"])
    n = serializers.IntegerField()
    accuracy = serializers.FloatField()
    ci_low = serializers.FloatField()
    ci_high = serializers.FloatField()


class ModelDetailOutput(ModelOutput):
    """A model, with its vector: models that are near each other do well on the same prompts."""

    embedding = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    benchmarks = BenchmarkOutput(many=True)


class ModelsView(ModelCreateView):
    """Anyone may read the list; operators add to it."""

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Who reads is not asked who they are."""
        return [] if self._is_read() else super().get_authenticators()

    def get_permissions(self) -> Sequence[Any]:
        """Reading is for everyone."""
        return [] if self._is_read() else super().get_permissions()

    def _is_read(self) -> bool:
        return self.request is None or self.request.method in SAFE_METHODS

    @extend_schema(operation_id="v1_models_list", responses=ModelOutput(many=True))
    def get(self, _request: Request) -> Response:
        """Every model with its newest version and its rating."""
        rows = {row.model: row for row in leaderboard().rows}
        return Response([_model(model, rows) for model in models_list()])


@extend_schema(responses=ModelDetailOutput)
@api_view(["GET"])
@authentication_classes([])
@permission_classes([AllowAny])
def model_detail(_request: Request, slug: str) -> Response:
    """One model, with its vector in the promoted embedding and its accuracy on benchmarks."""
    model = model_get(slug)
    version = newest_version(model)
    rows = {row.model: row for row in leaderboard().rows}
    live = version.vectors.filter(checkpoint__state=CheckpointState.LIVE).first()
    vector = [float(value) for value in live.vector] if live else None
    told = benchmark_lines(version)
    lines = [_benchmark(line) for line in told.lines] if told else []
    return Response(_model(model, rows) | {"embedding": vector, "benchmarks": lines})


def _benchmark(line: BenchmarkLine) -> dict[str, Any]:
    known = line.known
    return {
        "benchmark": line.source,
        "topic": line.topic,
        "questions": line.questions,
        "known": known.how,
        "n": known.n,
        "accuracy": known.accuracy,
        "ci_low": known.low,
        "ci_high": known.high,
    }


def _model(model: LanguageModel, rows: dict[str, Row]) -> dict[str, Any]:
    version = max(model.versions.all(), key=lambda one: one.created_at)
    row = rows.get(version.label)
    return {
        "model": version.label,
        "slug": model.slug,
        "description": model.description,
        "topics": [topic.slug for topic in model.topics.all()],
        "version": version.version,
        "state": version.state,
        "licence": version.output_licence,
        "lineage": _lineage(version.checkpoint) if hasattr(version, "checkpoint") else None,
        "rating": asdict(row) if row else None,
    }


def _lineage(checkpoint: Any) -> dict[str, Any]:
    run = checkpoint.run
    return {"checkpoint": checkpoint.digest, "run": run.number, "snapshot": run.snapshot_digest}
