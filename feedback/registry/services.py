"""Writes of the registry: providers, models and their versions; each leaves an audit record."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from feedback.errors import ConflictError, InvalidError, refuse_problems
from feedback.people.models import Contributor
from feedback.people.services import audit_record
from feedback.registry.models import (
    LanguageModel,
    ModelVersion,
    Provider,
    ProviderKind,
    Topic,
    VersionState,
)
from feedback.registry.selectors import has_answered

INFERENCE_NAME = "Inference server"
KEY_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,90}_API_KEY")
RESERVED = {"model", "messages", "stream", "n", "tools", "tool_choice"}
MOST_REQUESTS = 100_000  # a minute
MOST_PRICE = Decimal(1_000_000)  # of a million tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettings:
    """How a version is called: by which provider, under which name, with which settings."""

    provider: Provider
    remote_name: str
    system_prompt: str = ""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    output_licence: str = ""


def provider_create(
    *,
    name: str,
    base_url: str,
    api_key_variable: str = "",
    requests_per_minute: int | None = None,
    actor: Contributor,
) -> Provider:
    """Add a server that speaks the OpenAI-compatible API."""
    refuse_problems(
        {
            "name": "" if 1 <= len(name) <= 100 else _("1 to 100 characters."),
            "base_url": _address_problem(base_url),
            "api_key_variable": _variable_problem(api_key_variable),
            "requests_per_minute": _limit_problem(requests_per_minute),
        }
    )
    try:
        with transaction.atomic():
            provider = Provider.objects.create(
                name=name,
                kind=ProviderKind.OPENAI,
                base_url=base_url,
                api_key_variable=api_key_variable,
                requests_per_minute=requests_per_minute,
            )
            audit_record(
                actor=actor, action="provider.create", subject=name, detail={"base_url": base_url}
            )
    except IntegrityError as error:
        words = _("There is already a provider %(name)s.") % {"name": name}
        raise ConflictError("name_taken", words) from error
    return provider


def inference_provider() -> Provider:
    """Return the provider of our own inference server, made where it is not there yet."""
    provider, _made = Provider.objects.get_or_create(
        name=INFERENCE_NAME, defaults={"kind": ProviderKind.INFERENCE}
    )
    return provider


def provider_limit(
    *, provider: Provider, requests_per_minute: int | None, actor: Contributor
) -> None:
    """Ask a provider at most so often; None: as often as there are requests."""
    refuse_problems({"requests_per_minute": _limit_problem(requests_per_minute)})
    with transaction.atomic():
        Provider.objects.filter(pk=provider.pk).update(requests_per_minute=requests_per_minute)
        audit_record(
            actor=actor,
            action="provider.limit",
            subject=provider.name,
            detail={"requests_per_minute": requests_per_minute},
        )


def state_set(*, of: Provider | ModelVersion, state: str, actor: Contributor | None) -> None:
    """Pause, resume or retire; what is retired stays so, with all that it has answered.

    Without an actor it is the site's own doing.
    """
    if state not in VersionState.values:
        raise InvalidError({"state": _("There is no such state.")}, _("There is no such state."))
    rows: Any = type(of).objects
    with transaction.atomic():
        current = rows.filter(pk=of.pk).exclude(state=VersionState.RETIRED)
        if not current.update(state=state):
            raise ConflictError("retired", _("This has been retired and cannot be reactivated."))
        kind = "provider" if isinstance(of, Provider) else "version"
        audit_record(actor=actor, action=f"{kind}.{state}", subject=str(of))


def version_price(
    *, version: ModelVersion, read: Decimal | None, written: Decimal | None, actor: Contributor
) -> None:
    """Set what a million tokens cost, read and written, in the site's currency; None: not known."""
    refuse_problems({"input_price": _price_problem(read), "output_price": _price_problem(written)})
    with transaction.atomic():
        rows = ModelVersion.objects.filter(pk=version.pk)
        rows.update(input_price=read, output_price=written)
        detail = {"input": None if read is None else str(read)}
        detail["output"] = None if written is None else str(written)
        audit_record(actor=actor, action="version.price", subject=version.label, detail=detail)


def model_create(
    *,
    name: str,
    description: str = "",
    topics: Sequence[str] = (),
    call_settings: CallSettings,
    actor: Contributor | None,
    slug: str = "",
    base: ModelVersion | None = None,
) -> ModelVersion:
    """Add a model and its first version; without a slug it gets one of its name.

    `base` is the version that its weights were made from. Without an actor it is the site's own.
    """
    slug = slug or slugify(name, allow_unicode=True)[:110]
    if not slug or len(name) > 200:
        raise InvalidError({"name": _("1 to 200 characters, at least one of them a letter.")})
    _check(call_settings)
    try:
        with transaction.atomic():
            model = LanguageModel.objects.create(slug=slug, name=name, description=description)
            model.topics.set([_topic(topic) for topic in topics])
            return _version_add(model, call_settings, actor, base)
    except IntegrityError as error:
        words = _("There is already a model %(name)s: give it a new version.") % {"name": name}
        raise ConflictError("name_taken", words) from error


def version_create(
    *, model: LanguageModel, call_settings: CallSettings, actor: Contributor
) -> ModelVersion:
    """Add a version to a model; the others stay as they are."""
    _check(call_settings)
    with transaction.atomic():
        return _version_add(model, call_settings, actor, None)


def version_change(
    *, version: ModelVersion, call_settings: CallSettings, actor: Contributor
) -> ModelVersion:
    """Change how a version is called; one that has answered stays, retired, beside a new one."""
    _check(call_settings)
    with transaction.atomic():
        LanguageModel.objects.select_for_update().get(pk=version.model_id)
        if call_settings == call_settings_of(version):
            return version
        if has_answered(version):
            state_set(of=version, state=VersionState.RETIRED, actor=actor)
            return _version_add(version.model, call_settings, actor, version.base)
        for name in CallSettings.__slots__:
            setattr(version, name, getattr(call_settings, name))
        version.failures, version.failing_since, version.resting_until = 0, None, None
        version.save()
        audit_record(actor=actor, action="version.change", subject=version.label)
    return version


def call_settings_of(version: ModelVersion) -> CallSettings | None:
    """Return how a version is called; None where it has no provider."""
    if version.provider is None:
        return None
    known = {name: getattr(version, name) for name in CallSettings.__slots__}
    return CallSettings(**known)


def _version_add(
    model: LanguageModel,
    call_settings: CallSettings,
    actor: Contributor | None,
    base: ModelVersion | None,
) -> ModelVersion:
    LanguageModel.objects.select_for_update().get(pk=model.pk)
    taken = {version.version for version in model.versions.all()}
    number = len(taken) + 1
    while str(number) in taken:
        number += 1
    version = ModelVersion.objects.create(
        model=model,
        version=str(number),
        label=model.name if number == 1 else f"{model.name} v{number}",
        provider=call_settings.provider,
        remote_name=call_settings.remote_name,
        system_prompt=call_settings.system_prompt,
        sampling=dict(call_settings.sampling),
        output_licence=call_settings.output_licence,
        base=base,
    )
    audit_record(actor=actor, action="version.create", subject=version.label)
    return version


def _topic(name: str) -> Topic:
    slug = slugify(name, allow_unicode=True)[:100]
    if not slug:
        raise InvalidError({"topics": _("A topic needs a letter or a digit.")})
    topic, _made = Topic.objects.get_or_create(slug=slug, defaults={"name": name[:200]})
    return topic


def _check(call_settings: CallSettings) -> None:
    reserved = sorted(RESERVED & set(call_settings.sampling))
    has_name = 1 <= len(call_settings.remote_name) <= 300
    replays = call_settings.provider.kind == ProviderKind.REPLAY
    prompt, licence = call_settings.system_prompt, call_settings.output_licence
    names = {"names": ", ".join(reserved)}
    refuse_problems(
        {
            "remote_name": "" if has_name else _("1 to 300 characters."),
            "system_prompt": _("At most 20,000 characters.") if len(prompt) > 20_000 else "",
            "output_licence": _("At most 64 characters.") if len(licence) > 64 else "",
            "sampling": _("Not here: %(names)s.") % names if reserved else "",
            "provider": _("It only replays recorded answers.") if replays else "",
        }
    )


def _address_problem(address: str) -> str:
    """Say what is wrong with an address: even operators name no file, no key and no page."""
    try:
        parts = urlsplit(address)
        ok = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        ok = False
    if not ok or len(address) > 200 or not address.isascii() or not address.isprintable():
        return _("Enter an address such as https://example.org/v1.")
    if "@" in parts.netloc:
        return _("Leave out name and password: the key is in the environment.")
    return _("Leave out ? and #.") if parts.query or parts.fragment else ""


def _variable_problem(name: str) -> str:
    """Refuse variables that hold no key of somebody else's API: the site's own secrets."""
    if not name or KEY_VARIABLE.fullmatch(name):
        return ""
    return _("The name of an environment variable that ends in _API_KEY, never the key itself.")


def _limit_problem(limit: int | None) -> str:
    return "" if limit is None or 1 <= limit <= MOST_REQUESTS else _("1 to 100,000, or empty.")


def _price_problem(price: Decimal | None) -> str:
    return "" if price is None or 0 <= price <= MOST_PRICE else _("0 to 1,000,000, or empty.")
