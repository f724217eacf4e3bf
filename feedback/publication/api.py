"""Export and withdrawal over REST. What is published reads without a key."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.people.authentication import contributor_of, scope
from feedback.publication.encoding import encoded
from feedback.publication.query import FORMATS, ExportQuery, export_query
from feedback.publication.services import due_publish, judgment_withdraw, last_number

PARAMETERS = ("shape", "format", "release", "since", "topic", "language", "rater_kind", "campaign")


@extend_schema(
    parameters=[OpenApiParameter(name, OpenApiTypes.STR) for name in PARAMETERS],
    responses={(200, media): OpenApiTypes.BINARY for media in FORMATS.values()},
)
@api_view(["GET"])
@authentication_classes([])
@permission_classes([AllowAny])
def preferences_export(request: Request) -> StreamingHttpResponse:
    """The live pool in a shape, streamed; `X-Next-Cursor` is what to pass as `since` next time."""
    due_publish()
    query = export_query(request.GET.dict(), until=last_number())
    return StreamingHttpResponse(
        _stream(query),
        content_type=FORMATS[query.format],
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
    """The next chunk; its connection goes back, since the reader may be slow."""
    try:
        return next(chunks, None)
    finally:
        if not connection.in_atomic_block:
            connection.close()


@extend_schema(request=None, responses={200: OpenApiTypes.OBJECT})
@api_view(["POST"])
@permission_classes([scope("preferences:write")])
def preference_withdraw(request: Request, public_id: str) -> Response:
    """`{"releases", "checkpoints"}` that held the judgment."""
    holders = judgment_withdraw(public_id=public_id, actor=contributor_of(request))
    return Response(asdict(holders))
