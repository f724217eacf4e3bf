"""Pages, styles and scripts go over the wire compressed; streams, files and the API do not."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

KINDS = frozenset({"text/html", "text/css", "text/javascript"})


class CompressionMiddleware(GZipMiddleware):
    """Django's own, for text that a browser shows.

    It pads each answer by a random length, and Django masks each form's token anew: the two that
    a compressed page with a secret in it needs (BREACH). Server-sent events would wait in the
    compressor, and a part of a release must stay the part that was asked for.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Compress a whole page, style or script."""
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        if response.status_code == 200 and kind in KINDS:
            return super().process_response(request, response)
        return response
