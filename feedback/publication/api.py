"""Export and withdrawal over REST. What is published reads without a key."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.people.authentication import contributor_of, scope
from feedback.people.models import RaterKind
from feedback.pool.publication_sequence import last_number
from feedback.publication.encoding import ENCODERS, encoded
from feedback.publication.holders import Holders
from feedback.publication.query import LIVE, export_query
from feedback.publication.services import judgment_withdraw
from feedback.publication.shapes import SHAPES
from feedback.publication.shapes.base import FILTERS, ExportQuery

FOLLOWED = ", ".join(shape.name for shape in SHAPES.values() if shape.can_follow)
KNOWN = {"rater_kind": RaterKind.values}  # filters with a fixed set of values
PARAMETERS = [
    OpenApiParameter(
        "shape",
        enum=list(SHAPES),
        default="preferences",
        description="\n".join(f"- `{name}`: {shape.description}" for name, shape in SHAPES.items()),
    ),
    OpenApiParameter("format", enum=list(ENCODERS), default="jsonl"),
    OpenApiParameter("release", enum=[LIVE], default=LIVE),
    OpenApiParameter(
        "since",
        description=(
            "Only what is newer than this `X-Next-Cursor` of an earlier export, withdrawals as"
            f' rows `{{"id", "withdrawn": true}}`. For {FOLLOWED}.'
        ),
    ),
    *(
        OpenApiParameter(
            name,
            enum=KNOWN.get(name),
            description=f"{meaning} For "
            + ", ".join(shape.name for shape in SHAPES.values() if name in shape.filters)
            + ".",
        )
        for name, meaning in FILTERS.items()
    ),
]


class HoldersSerializer(serializers.Serializer[Holders]):
    """Who held a judgment when it was withdrawn, by name."""

    releases = serializers.ListField(child=serializers.CharField())
    checkpoints = serializers.ListField(child=serializers.CharField())
    unreadable = serializers.ListField(child=serializers.CharField(), required=False)

    def to_representation(self, instance: Holders) -> dict[str, list[str]]:
        """Leave `unreadable` out where every checkpoint could be asked."""
        held: dict[str, list[str]] = super().to_representation(instance)
        if not held["unreadable"]:
            del held["unreadable"]
        return held


@extend_schema(
    parameters=PARAMETERS,
    responses={(200, each.media_type): OpenApiTypes.BINARY for each in ENCODERS.values()},
)
@api_view(["GET"])
@authentication_classes([])
@permission_classes([AllowAny])
def preferences_export(request: Request) -> StreamingHttpResponse:
    """Export the live pool in a shape, streamed.

    Pass the `X-Next-Cursor` of the answer as `since` next time.
    """
    query = export_query(request.GET.dict(), until=last_number())
    return StreamingHttpResponse(
        _stream(query),
        content_type=ENCODERS[query.format].media_type,
        headers={
            "X-Next-Cursor": str(query.until),
            "Content-Disposition": f'attachment; filename="{query.shape}.{query.format}"',
        },
    )


async def _stream(query: ExportQuery) -> AsyncIterator[bytes]:
    chunks = (data for _, data in encoded(query))
    while (data := await sync_to_async(_next)(chunks)) is not None:
        yield data


def _next(chunks: Iterator[bytes]) -> bytes | None:
    """Return the next chunk and give its connection back, since the reader may be slow."""
    try:
        return next(chunks, None)
    finally:
        if not connection.in_atomic_block:
            connection.close()


@extend_schema(request=None, responses={200: HoldersSerializer})
@api_view(["POST"])
@permission_classes([scope("preferences:write")])
def preference_withdraw(request: Request, public_id: str) -> Response:
    """Withdraw a judgment, and name the releases and checkpoints that had held it.

    `unreadable`, where there are any: checkpoints whose training data cannot be read any more, so
    that nobody can tell whether they held it.
    """
    holders = judgment_withdraw(public_id=public_id, actor=contributor_of(request))
    return Response(HoldersSerializer(holders).data)
