"""Runs and checkpoints over REST."""

import uuid
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, permission_classes
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback.people.authentication import IsOperator, contributor_of, scope
from feedback.training.models import Kind
from feedback.training.promotion.services import checkpoint_promote
from feedback.training.selectors import (
    checkpoint_body,
    checkpoint_get,
    run_body,
    run_find,
    runs_list,
)
from feedback.training.services import run_cancel, run_request

RunsWriter = scope("runs:write")


class RunPages(CursorPagination):
    """`?cursor=&limit=`, the newest first."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    ordering = "-number"


class RunInput(serializers.Serializer[Any]):
    """What to train."""

    kind = serializers.CharField(help_text=", ".join(Kind.values))
    config = serializers.DictField(required=False, default=dict)
    seed = serializers.IntegerField(required=False, default=0)


class Runs(APIView):
    """The list of runs, and the way to ask for one."""

    def get_permissions(self) -> list[BasePermission]:
        """Anyone with a key or a session reads; an operator's key with `runs:write` asks."""
        if self.request.method == "POST":
            return [RunsWriter(), IsOperator()]
        return [IsAuthenticated()]

    @extend_schema(operation_id="v1_training_runs_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """`{"next", "previous", "results": [run, …]}`."""
        pages = RunPages()
        runs = pages.paginate_queryset(runs_list(), request, view=self)
        return pages.get_paginated_response([run_body(run) for run in runs or []])

    @extend_schema(request=RunInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Queue a run: 201 and the run."""
        wanted = RunInput(data=request.data)
        wanted.is_valid(raise_exception=True)
        run = run_request(**wanted.validated_data, requested_by=contributor_of(request))
        return Response(run_body(run), status=201)


@extend_schema(responses=OpenApiTypes.OBJECT)
@api_view(["GET"])
@permission_classes([IsAuthenticated])
def run_detail(_request: Request, run_id: uuid.UUID) -> Response:
    """One run: state, progress, metrics, and the checkpoint it made."""
    return Response(run_body(run_find(run_id)))


@extend_schema(request=None, responses=OpenApiTypes.OBJECT)
@api_view(["POST"])
@permission_classes([RunsWriter, IsOperator])
def run_cancel_view(request: Request, run_id: uuid.UUID) -> Response:
    """Cancel: a queued run at once, a running one as soon as its worker hears of it."""
    run_cancel(run=run_find(run_id), actor=contributor_of(request))
    return Response(run_body(run_find(run_id)))


@extend_schema(request=None, responses=OpenApiTypes.OBJECT)
@api_view(["POST"])
@permission_classes([RunsWriter, IsOperator])
def checkpoint_promote_view(request: Request, checkpoint_id: uuid.UUID) -> Response:
    """Make a checkpoint the live one of its kind."""
    checkpoint = checkpoint_get(checkpoint_id)
    checkpoint_promote(checkpoint=checkpoint, actor=contributor_of(request))
    return Response(checkpoint_body(checkpoint_get(checkpoint_id)))
