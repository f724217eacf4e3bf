"""The operator's pages of providers, models and versions."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedback.errors import ApplicationError
from feedback.people.authentication import contributor_of, operator_required
from feedback.registry.forms import (
    CallSettingsForm,
    FirstVersionForm,
    LimitForm,
    PriceForm,
    ProviderForm,
    call_settings_typed,
)
from feedback.registry.health_check import Trial, provider_try, version_try
from feedback.registry.house_models import is_served
from feedback.registry.models import ModelVersion, Provider, ProviderKind
from feedback.registry.readiness import readiness
from feedback.registry.selectors import (
    flawed_count,
    has_answered,
    health_of,
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
from feedback.web.forms import cleaned

PAGE = "registry/registry.html"


@never_cache
@require_safe
@operator_required
def registry(request: HttpRequest) -> HttpResponse:
    """Show all providers and versions with their health, and forms for more."""
    return render(request, PAGE, _overview())


@require_POST
@operator_required
def provider_new(request: HttpRequest) -> HttpResponse:
    """Add a provider."""
    actor = contributor_of(request)
    form = ProviderForm(request.POST)
    return _made(request, lambda: provider_create(actor=actor, **cleaned(form)))


@require_POST
@operator_required
def model_new(request: HttpRequest) -> HttpResponse:
    """Add a model with its first version."""
    form = FirstVersionForm(request.POST)
    return _made(
        request,
        lambda: model_create(
            call_settings=form.call_settings(),
            actor=contributor_of(request),
            **form.model_fields(),
        ),
    )


@require_POST
@operator_required
def provider_do(request: HttpRequest, provider_id: uuid.UUID) -> HttpResponse:
    """Try a provider now, change its limit, pause it, use it again, or retire it."""
    provider = provider_get(provider_id)
    actor, what = contributor_of(request), request.POST.get("do", "")
    if what == "try":
        trials = provider_try(provider)
        if not trials:
            messages.info(request, _("It has no version in use: add a model first."))
        for trial in trials:
            _tell(request, trial)
    elif what == "limit":
        provider_limit(provider=provider, actor=actor, **cleaned(LimitForm(request.POST)))
    else:
        state_set(of=provider, state=what, actor=actor)
    return redirect("registry")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def version(request: HttpRequest, version_id: uuid.UUID) -> HttpResponse:
    """Show one version: how it is called, and a form to change that."""
    shown, problem = version_get(version_id), None
    form: Mapping[str, Any] = call_settings_typed(shown)
    if request.method == "POST":
        try:
            changed = version_change(
                version=shown,
                call_settings=CallSettingsForm(request.POST).call_settings(),
                actor=contributor_of(request),
            )
        except ApplicationError as error:
            problem, form = error, request.POST
        else:
            words = _("Saved.") if changed.pk == shown.pk else _("Saved as a new version.")
            messages.success(request, words)
            return redirect("version", changed.pk)
    context = {
        "version": shown,
        "health": health_of(shown),
        "flawed": flawed_count(shown),
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
    shown = version_get(version_id)
    actor, what = contributor_of(request), request.POST.get("do", "")
    if what == "try":
        _tell(request, version_try(shown))
    elif what == "price":
        prices = cleaned(PriceForm(request.POST))
        version_price(
            version=shown,
            read=prices["input_price"],
            written=prices["output_price"],
            actor=actor,
        )
    else:
        state_set(of=shown, state=what, actor=actor)
    return redirect("version", shown.pk) if "stay" in request.POST else redirect("registry")


def _overview(**more: Any) -> dict[str, Any]:
    return {
        "providers": [(provider, health_of(provider)) for provider in providers_list()],
        "versions": [(version, health_of(version)) for version in versions_list()],
        "askable": _askable(),
        "house_served": is_served(),
        "readiness": readiness(),
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
