"""Health, metrics, and the operator's first page."""

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from feedback.operations.health import health
from feedback.operations.metrics import exposition
from feedback.people.authentication import contributor_of, operator_required
from feedback.people.sign_in.accounts import has_account, needs_second_factor


@require_GET
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer, which says that the process is alive."""
    return JsonResponse({"status": "alive"})


@require_GET
def readyz(_request: HttpRequest) -> HttpResponse:
    """Return the state of every part by name; 503 only where the database or migrations fail."""
    found = health()
    body = {
        "status": found.status,
        "checks": {check.name: asdict(check) for check in found.checks},
    }
    return JsonResponse(body, status=503 if found.status == "unavailable" else 200)


@require_GET
def metrics(_request: HttpRequest) -> HttpResponse:
    """Return the gauges as Prometheus reads them."""
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


@require_GET
@operator_required
def operate(request: HttpRequest) -> HttpResponse:
    """Show what an operator watches, and whether all parts answer."""
    operator = contributor_of(request)
    context = {
        "health": health(),
        "needs_second_factor": needs_second_factor(operator),
        "account": has_account(operator),
    }
    return render(request, "operations/operate.html", context)
