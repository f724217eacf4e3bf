"""The live models that come with the site: one small checkpoint, alone and under its adapters.

Each is made once. What an operator changes, pauses or retires afterwards stays as they left it.
Where the site no longer serves them (`MODELS=none`, or the package is gone) it pauses them itself,
and resumes later what it paused.
"""

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from feedback.people.models import AuditEvent
from feedback.people.services import audit_record
from feedback.registry.models import LanguageModel, ModelVersion, VersionState
from feedback.registry.readiness import house_versions
from feedback.registry.services import CallSettings, inference_provider, model_create, state_set
from trainers.pretrained.adapters import Speciality, specialities
from trainers.pretrained.packages import PACKAGES

LICENCE = "Apache-2.0"  # of the weights, under which their answers are published, too
CREATED = "house_model.create"
STATES = [f"version.{state}" for state in VersionState.values]


def is_served() -> bool:
    """Return whether this site serves its own live models: they are wanted and installed."""
    package = PACKAGES.get(settings.MODELS)
    return package is not None and package.is_installed


def shipped_versions() -> QuerySet[ModelVersion]:
    """Return the versions of the house models, without what was tuned from them here."""
    return house_versions().filter(remote_name__in=list(specialities()))


def house_models_ensure() -> int:
    """Create the house models that are missing, or pause all of them; return how many are in use.

    A repeat changes nothing. A name or a slug that is somebody else's is left to them.
    """
    with transaction.atomic():
        if not is_served():
            for version in shipped_versions().filter(state=VersionState.ACTIVE):
                state_set(of=version, state=VersionState.PAUSED, actor=None)
            return 0
        for version in shipped_versions().filter(state=VersionState.PAUSED):
            if _paused_by_site(version):
                state_set(of=version, state=VersionState.ACTIVE, actor=None)
        made = set(AuditEvent.objects.filter(action=CREATED).values_list("subject", flat=True))
        for one in specialities().values():
            if one.name not in made:
                _create(one)
        return shipped_versions().filter(state=VersionState.ACTIVE).count()


def base_title(base: str) -> str:
    """Return what people call a checkpoint: a packaged one by its title, else its last name."""
    titles = [one.title for one in specialities().values() if one.base == base and not one.adapter]
    return titles[0] if titles else base.rstrip("/").rsplit("/", 1)[-1]


def base_version(base: str) -> ModelVersion | None:
    """Return the newest version of a packaged checkpoint alone; None where there is none."""
    bare = [one.name for one in specialities().values() if one.base == base and not one.adapter]
    versions = shipped_versions().filter(remote_name__in=bare).exclude(state=VersionState.RETIRED)
    return versions.order_by("-created_at").first()


def _create(one: Speciality) -> None:
    taken = Q(slug=one.name) | Q(name=one.title)
    if LanguageModel.objects.filter(taken).exists():
        return
    call_settings = CallSettings(
        provider=inference_provider(),
        remote_name=one.name,
        system_prompt=one.system_prompt,
        sampling=one.sampling,
        output_licence=LICENCE,
    )
    model_create(
        name=one.title,
        slug=one.name,
        description=one.description,
        topics=one.topics,
        call_settings=call_settings,
        base=base_version(one.base) if one.adapter else None,
        actor=None,
    )
    audit_record(actor=None, action=CREATED, subject=one.name)


def _paused_by_site(version: ModelVersion) -> bool:
    """Return whether the site itself paused it, and nobody has decided anything since."""
    events = AuditEvent.objects.filter(action__in=STATES, subject=version.label)
    last = events.order_by("-created_at").first()
    return last is not None and last.actor_id is None and last.action == "version.paused"
