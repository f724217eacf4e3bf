"""Things known by a name: topics, models and raters, found or created."""

import hashlib
from collections.abc import Collection, Iterable
from uuid import UUID

from django.utils.text import slugify

from feedback.people.models import Rater
from feedback.pool.importing.report import ImportReport
from feedback.registry.models import LanguageModel, ModelVersion, Provider, ProviderKind, Topic

REPLAY_NAME = "Recorded answers"
FIRST_VERSION = "1"

RaterName = tuple[str, str]  # source, label


def topics_ensure(names: Iterable[str], report: ImportReport) -> dict[str, UUID]:
    """Return topics by name, made where new; case and punctuation make no other topic."""
    slugs = {name: _slug(name, 100) for name in names}
    known = dict(Topic.objects.filter(slug__in=slugs.values()).values_list("slug", "id"))
    new = {slug: name for name, slug in slugs.items() if slug not in known}
    made = Topic.objects.bulk_create(Topic(slug=slug, name=name) for slug, name in new.items())
    report.created["topics"] += len(made)
    known.update((topic.slug, topic.id) for topic in made)
    return {name: known[slug] for name, slug in slugs.items()}


def versions_ensure(
    labels: Collection[str], *, answering: Collection[str], report: ImportReport
) -> dict[str, UUID]:
    """Return model versions by label, made where new.

    Those in `answering` have recorded answers, so that a provider can replay them.
    """
    known = {v.label: v for v in ModelVersion.objects.filter(label__in=labels)}
    new = [_new_version(label) for label in labels if label not in known]
    _distinct_slugs([version.model for version in new])
    LanguageModel.objects.bulk_create(version.model for version in new)
    ModelVersion.objects.bulk_create(new)
    report.created["models"] += len(new)
    known.update((version.label, version) for version in new)
    silent = [known[label].id for label in answering if known[label].provider_id is None]
    if silent:
        ModelVersion.objects.filter(id__in=silent).update(provider=replay_provider())
    return {label: version.id for label, version in known.items()}


def raters_ensure(kinds: dict[RaterName, str], report: ImportReport) -> dict[RaterName, Rater]:
    """Return raters by source and label, made where new. A known rater keeps its kind."""
    known = {
        (rater.source, rater.label): rater
        for rater in Rater.objects.filter(
            contributor=None,
            source__in={source for source, _ in kinds},
            label__in={label for _, label in kinds},
        )
    }
    new = [
        Rater(source=source, label=label, kind=kind)
        for (source, label), kind in kinds.items()
        if (source, label) not in known
    ]
    Rater.objects.bulk_create(new)
    report.created["raters"] += len(new)
    known.update(((rater.source, rater.label), rater) for rater in new)
    return known


def replay_provider() -> Provider:
    """Return the provider that answers with recorded responses."""
    provider, _ = Provider.objects.get_or_create(
        name=REPLAY_NAME, defaults={"kind": ProviderKind.REPLAY}
    )
    return provider


def _new_version(label: str) -> ModelVersion:
    model = LanguageModel(slug=_slug(label, 110), name=label)
    return ModelVersion(model=model, version=FIRST_VERSION, label=label)


def _distinct_slugs(models: list[LanguageModel]) -> None:
    """Give models whose names make one slug ("GPT 4", "gpt-4") a slug each."""
    slugs = {model.slug for model in models}
    taken = set(LanguageModel.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    for model in models:
        if model.slug in taken:
            model.slug += "-" + hashlib.sha256(model.name.encode()).hexdigest()[:8]
        taken.add(model.slug)


def _slug(name: str, limit: int) -> str:
    """Return a slug; for a name without letters or digits a digest of it."""
    slug = slugify(name, allow_unicode=True)[:limit]
    return slug or hashlib.sha256(name.encode()).hexdigest()[:16]
