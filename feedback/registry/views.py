"""The operator's pages of providers, models and versions."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedback.errors import ApplicationError, NotFoundError
from feedback.people.authentication import contributor_of, operator_required
from feedback.registry.forms import (
    asking_fields,
    asking_shown,
    limit_of,
    model_fields,
    price_of,
    provider_fields,
)
from feedback.registry.health_check import Trial, provider_try, version_try
from feedback.registry.models import ModelVersion, Provider, ProviderKind
from feedback.registry.selectors import (
    condition,
    has_answered,
    provider_get,
    providers_list,
    version_get,
    versions_list,
)
from feedback.registry.services import (
    model_create,
    provider_create,
    provider_limit,
    state_set,
    version_change,
    version_price,
)

PAGE = "registry/registry.html"
Found = TypeVar("Found")


@never_cache
@require_safe
@operator_required
def registry(request: HttpRequest) -> HttpResponse:
    """All providers and versions with their health, and forms for more."""
    return render(request, PAGE, _overview())


@require_POST
@operator_required
def provider_new(request: HttpRequest) -> HttpResponse:
    """Add a provider."""
    actor = contributor_of(request)
    return _made(request, lambda: provider_create(actor=actor, **provider_fields(request.POST)))


@require_POST
@operator_required
def model_new(request: HttpRequest) -> HttpResponse:
    """Add a model with its first version."""

    def make() -> ModelVersion:
        asking, fields = asking_fields(request.POST), model_fields(request.POST)
        return model_create(asking=asking, actor=contributor_of(request), **fields)

    return _made(request, make)


@require_POST
@operator_required
def provider_do(request: HttpRequest, provider_id: uuid.UUID) -> HttpResponse:
    """Try a provider now, change its limit, pause it, use it again, or retire it."""
    provider = _found(provider_get, provider_id)
    actor, what = contributor_of(request), request.POST.get("do", "")
    if what == "try":
        trials = provider_try(provider)
        if not trials:
            messages.info(request, _("It has no version in use: add a model first."))
        for trial in trials:
            _tell(request, trial)
    elif what == "limit":
        limit = limit_of(request.POST)
        provider_limit(provider=provider, requests_per_minute=limit, actor=actor)
    else:
        state_set(of=provider, state=what, actor=actor)
    return redirect("registry")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def version(request: HttpRequest, version_id: uuid.UUID) -> HttpResponse:
    """One version: what it asks, and a form to change that."""
    shown, problem = _found(version_get, version_id), None
    form: Mapping[str, Any] = asking_shown(shown)
    if request.method == "POST":
        try:
            asking = asking_fields(request.POST)
            changed = version_change(version=shown, asking=asking, actor=contributor_of(request))
        except ApplicationError as error:
            problem, form = error, request.POST
        else:
            words = _("Saved.") if changed.pk == shown.pk else _("Saved as a new version.")
            messages.success(request, words)
            return redirect("version", changed.pk)
    context = {
        "version": shown,
        "condition": condition(shown),
        "answered": has_answered(shown),
        "providers": _askable(),
        "form": form,
        "problem": problem,
    }
    status = problem.status if problem else 200
    return render(request, "registry/version.html", context, status=status)


@require_POST
@operator_required
def version_do(request: HttpRequest, version_id: uuid.UUID) -> HttpResponse:
    """Test a version, say what it costs, pause it, use it again, or retire it."""
    shown = _found(version_get, version_id)
    actor, what = contributor_of(request), request.POST.get("do", "")
    if what == "try":
        _tell(request, version_try(shown))
    elif what == "price":
        read, written = (price_of(request.POST, f"{name}_price") for name in ("input", "output"))
        version_price(version=shown, read=read, written=written, actor=actor)
    else:
        state_set(of=shown, state=what, actor=actor)
    return redirect("version", shown.pk) if "stay" in request.POST else redirect("registry")


def _overview(**more: Any) -> dict[str, Any]:
    return {
        "providers": [(provider, condition(provider)) for provider in providers_list()],
        "versions": [(version, condition(version)) for version in versions_list()],
        "askable": _askable(),
        "form": {},
        **more,
    }


def _askable() -> list[Provider]:
    return [one for one in providers_list() if one.kind != ProviderKind.REPLAY]


def _made(request: HttpRequest, make: Callable[[], Provider | ModelVersion]) -> HttpResponse:
    """Make it, or show the page with what is wrong and what was typed."""
    try:
        made = make()
    except ApplicationError as error:
        context = _overview(problem=error, form=request.POST)
        return render(request, PAGE, context, status=error.status)
    messages.success(request, _("%(name)s was added.") % {"name": made})
    return redirect("registry")


def _tell(request: HttpRequest, trial: Trial) -> None:
    name = trial.version.label
    if trial.problem:
        messages.error(request, f"{name}: {trial.problem}")
    else:
        words = _("%(name)s answers: “%(text)s”")
        messages.success(request, words % {"name": name, "text": trial.text.strip()[:200]})


def _found(find: Callable[[uuid.UUID], Found], key: uuid.UUID) -> Found:
    try:
        return find(key)
    except NotFoundError as error:
        raise Http404(error.message) from error
