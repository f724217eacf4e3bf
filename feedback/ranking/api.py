"""The leaderboard and the models over REST: public, no key needed."""

from dataclasses import asdict
from typing import Any

from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.errors import ApplicationError
from feedback.ranking.model_reports import model_get, models_list, newest_version
from feedback.ranking.selectors import Row, leaderboard
from feedback.registry.models import LanguageModel


@api_view(["GET"])
@authentication_classes([])
@permission_classes([AllowAny])
def leaderboard_list(request: Request) -> Response:
    """`[{"model", "rating", "ci_low", "ci_high", "rank_low", "rank_high", "n"}]`, best first."""
    if request.GET.get("style_control", "").lower() not in ("", "0", "false"):
        raise ApplicationError(
            "invalid",
            "Ratings controlled for style are not computed.",
            fields={"style_control": "Leave it out."},
        )
    board = leaderboard(
        topic=request.GET.get("topic", ""), rater_kind=request.GET.get("rater_kind", "")
    )
    return Response([asdict(row) for row in board.rows])


@api_view(["GET"])
@authentication_classes([])
@permission_classes([AllowAny])
def model_list(_request: Request) -> Response:
    """Every model with its newest version and its rating."""
    rows = {row.model: row for row in leaderboard().rows}
    return Response([_model(model, rows) for model in models_list()])


@api_view(["GET"])
@authentication_classes([])
@permission_classes([AllowAny])
def model_detail(_request: Request, slug: str) -> Response:
    """One model, with the vector that routing knows it by."""
    model = model_get(slug)
    rows = {row.model: row for row in leaderboard().rows}
    embedding = newest_version(model).embeddings.order_by("-created_at").first()
    vector = [float(value) for value in embedding.vector] if embedding else None
    return Response(_model(model, rows) | {"embedding": vector})


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
