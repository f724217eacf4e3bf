"""Runs and checkpoints over REST."""

import uuid
from pathlib import Path

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.people.authentication import IsOperator, contributor_of, scope
from feedback.training.models import TrainingRun
from feedback.training.promotion.samples import samples_shown
from feedback.training.promotion.services import checkpoint_promote
from feedback.training.selectors import checkpoint_get, run_find, runs_list
from feedback.training.serializers import (
    CheckpointSerializer,
    RunInput,
    RunSerializer,
    SampleSerializer,
)
from feedback.training.services import run_cancel, run_request

RunsWriter = scope("runs:write")


class RunPages(CursorPagination):
    """`?cursor=&limit=`, the newest first."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    ordering = "-number"


class Runs(ListAPIView[TrainingRun]):
    """The list of runs, and the way to ask for one."""

    serializer_class = RunSerializer
    pagination_class = RunPages
    queryset = runs_list()

    def get_permissions(self) -> list[BasePermission]:
        """Let anyone with a key or a session read, and an operator's key with `runs:write` ask."""
        if self.request.method == "POST":
            return [RunsWriter(), IsOperator()]
        return [IsAuthenticated()]

    @extend_schema(request=RunInput, responses={201: RunSerializer})
    def post(self, request: Request) -> Response:
        """Queue a run: 201 and the run."""
        wanted = RunInput(data=request.data)
        wanted.is_valid(raise_exception=True)
        run = run_request(**wanted.validated_data, requested_by=contributor_of(request))
        return Response(RunSerializer(run_find(run.id)).data, status=201)


@extend_schema(responses=RunSerializer)
@api_view(["GET"])
@permission_classes([IsAuthenticated])
def run_detail(_request: Request, run_id: uuid.UUID) -> Response:
    """Return one run: state, progress, metrics, and the checkpoint it made."""
    return Response(RunSerializer(run_find(run_id)).data)


@extend_schema(request=None, responses=RunSerializer)
@api_view(["POST"])
@permission_classes([RunsWriter, IsOperator])
def run_cancel_view(request: Request, run_id: uuid.UUID) -> Response:
    """Cancel a queued run at once, a running one as soon as its worker hears of it."""
    run_cancel(run=run_find(run_id), actor=contributor_of(request))
    return Response(RunSerializer(run_find(run_id)).data)


@extend_schema(request=None, responses=CheckpointSerializer)
@api_view(["POST"])
@permission_classes([RunsWriter, IsOperator])
def checkpoint_promote_view(request: Request, checkpoint_id: uuid.UUID) -> Response:
    """Make a checkpoint the live one of its kind."""
    checkpoint = checkpoint_get(checkpoint_id)
    checkpoint_promote(checkpoint=checkpoint, actor=contributor_of(request))
    return Response(CheckpointSerializer(checkpoint_get(checkpoint_id)).data)


@extend_schema(responses=SampleSerializer(many=True))
@api_view(["GET"])
@permission_classes([RunsWriter, IsOperator])
def checkpoint_samples(_request: Request, checkpoint_id: uuid.UUID) -> Response:
    """Return what a policy answered to held-out prompts, beside its base; for operators alone.

    The prompts may be private. Those that have left the pool since are left out.
    """
    found = samples_shown(Path(checkpoint_get(checkpoint_id).path))
    return Response(SampleSerializer(found, many=True).data)
