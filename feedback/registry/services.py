"""Writes of the registry: providers, models and their versions; each is written down."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from feedback.errors import ApplicationError, ConflictError
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

KEY_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,90}_API_KEY")
RESERVED = {"model", "messages", "stream", "n", "tools", "tool_choice"}
MOST_REQUESTS = 100_000  # a minute
MOST_PRICE = Decimal(1_000_000)  # of a million tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a version is: whom it asks, for which model, and how."""

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
    """A server that speaks the OpenAI-compatible API."""
    _refuse(
        name="" if 1 <= len(name) <= 100 else _("1 to 100 characters."),
        base_url=_address_problem(base_url),
        api_key_variable=_variable_problem(api_key_variable),
        requests_per_minute=_limit_problem(requests_per_minute),
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


def provider_limit(
    *, provider: Provider, requests_per_minute: int | None, actor: Contributor
) -> None:
    """Ask a provider at most so often; None: as often as there are requests."""
    _refuse(requests_per_minute=_limit_problem(requests_per_minute))
    with transaction.atomic():
        Provider.objects.filter(pk=provider.pk).update(requests_per_minute=requests_per_minute)
        audit_record(
            actor=actor,
            action="provider.limit",
            subject=provider.name,
            detail={"requests_per_minute": requests_per_minute},
        )


def state_set(*, of: Provider | ModelVersion, state: str, actor: Contributor) -> None:
    """Pause, resume or retire; what is retired stays so, with all that it has answered."""
    if state not in VersionState.values:
        raise ApplicationError("invalid", _("There is no such state."))
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
    """What a million tokens cost, read and written, in the site's currency; None: not known."""
    _refuse(input_price=_price_problem(read), output_price=_price_problem(written))
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
    asking: Asking,
    actor: Contributor,
) -> ModelVersion:
    """A model and its first version."""
    slug = slugify(name, allow_unicode=True)[:110]
    _refuse(
        name=""
        if slug and len(name) <= 200
        else _("1 to 200 characters, at least one of them a letter.")
    )
    _check(asking)
    try:
        with transaction.atomic():
            model = LanguageModel.objects.create(slug=slug, name=name, description=description)
            model.topics.set([_topic(topic) for topic in topics])
            return _version_add(model, asking, actor)
    except IntegrityError as error:
        words = _("There is already a model %(name)s: give it a new version.") % {"name": name}
        raise ConflictError("name_taken", words) from error


def version_create(*, model: LanguageModel, asking: Asking, actor: Contributor) -> ModelVersion:
    """One more version of a model; the others stay as they are."""
    _check(asking)
    with transaction.atomic():
        return _version_add(model, asking, actor)


def version_change(*, version: ModelVersion, asking: Asking, actor: Contributor) -> ModelVersion:
    """What is asked from now on. A version that has answered stays, retired, beside a new one."""
    _check(asking)
    with transaction.atomic():
        LanguageModel.objects.select_for_update().get(pk=version.model_id)
        if asking == asking_of(version):
            return version
        if has_answered(version):
            state_set(of=version, state=VersionState.RETIRED, actor=actor)
            return _version_add(version.model, asking, actor)
        for name in Asking.__slots__:
            setattr(version, name, getattr(asking, name))
        version.failures, version.failing_since, version.resting_until = 0, None, None
        version.save()
        audit_record(actor=actor, action="version.change", subject=version.label)
    return version


def asking_of(version: ModelVersion) -> Asking | None:
    """What a version asks; None where nobody stands behind it."""
    if version.provider is None:
        return None
    known = {name: getattr(version, name) for name in Asking.__slots__}
    return Asking(**known)


def _version_add(model: LanguageModel, asking: Asking, actor: Contributor) -> ModelVersion:
    LanguageModel.objects.select_for_update().get(pk=model.pk)
    taken = {version.version for version in model.versions.all()}
    number = len(taken) + 1
    while str(number) in taken:
        number += 1
    version = ModelVersion.objects.create(
        model=model,
        version=str(number),
        label=model.name if number == 1 else f"{model.name} v{number}",
        provider=asking.provider,
        remote_name=asking.remote_name,
        system_prompt=asking.system_prompt,
        sampling=dict(asking.sampling),
        output_licence=asking.output_licence,
    )
    audit_record(actor=actor, action="version.create", subject=version.label)
    return version


def _topic(name: str) -> Topic:
    slug = slugify(name, allow_unicode=True)[:100]
    if not slug:
        raise _invalid({"topics": _("A topic needs a letter or a digit.")})
    topic, _made = Topic.objects.get_or_create(slug=slug, defaults={"name": name[:200]})
    return topic


def _check(asking: Asking) -> None:
    reserved = sorted(RESERVED & set(asking.sampling))
    _refuse(
        remote_name="" if 1 <= len(asking.remote_name) <= 300 else _("1 to 300 characters."),
        system_prompt=""
        if len(asking.system_prompt) <= 20_000
        else _("At most 20,000 characters."),
        output_licence="" if len(asking.output_licence) <= 64 else _("At most 64 characters."),
        sampling=_("Not here: %(names)s.") % {"names": ", ".join(reserved)} if reserved else "",
        provider=""
        if asking.provider.kind != ProviderKind.REPLAY
        else _("It only replays recorded answers."),
    )


def _address_problem(address: str) -> str:
    """Only operators name addresses, and even they no file, no key and no page."""
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
    """Only variables that hold a key of somebody else's API: not the site's own secrets."""
    if not name or KEY_VARIABLE.fullmatch(name):
        return ""
    return _("The name of an environment variable that ends in _API_KEY, never the key itself.")


def _limit_problem(limit: int | None) -> str:
    return "" if limit is None or 1 <= limit <= MOST_REQUESTS else _("1 to 100,000, or empty.")


def _price_problem(price: Decimal | None) -> str:
    return "" if price is None or 0 <= price <= MOST_PRICE else _("0 to 1,000,000, or empty.")


def _refuse(**problems: str) -> None:
    if fields := {name: words for name, words in problems.items() if words}:
        raise _invalid(fields)


def _invalid(fields: dict[str, Any]) -> ApplicationError:
    return ApplicationError("invalid", _("Please correct the fields below."), fields=fields)
