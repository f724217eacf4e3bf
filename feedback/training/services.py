"""Ask for a run, and ask for its end. Workers do the rest (execution)."""

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from feedback.errors import ApplicationError, ConflictError, InvalidError
from feedback.people.models import Contributor
from feedback.people.services import audit_record
from feedback.training.models import Checkpoint, Kind, RunState, TrainingRun
from feedback.training.notify import workers_notify
from feedback.training.run_settings import REWARD_MODEL, Config, settings_checked
from trainers.artifacts import code_version, digest_of


def run_request(
    *,
    kind: str,
    config: Config | None = None,
    requested_by: Contributor | None = None,
    schedule: str = "",
    seed: int = 0,
) -> TrainingRun:
    """Queue a run and notify a worker once it is committed.

    Raises ApplicationError where there is no such kind, InvalidError for settings that the trainer
    would refuse.
    """
    known = known_kind(kind)
    settings = settings_checked(known, _with_live_reward(known, config or {}))
    with transaction.atomic():
        run = TrainingRun.objects.create(
            kind=known,
            config=settings,
            config_digest=digest_of(settings),
            code_version=code_version(),
            seed=_checked_seed(seed),
            requested_by=requested_by,
            schedule=schedule,
        )
        audit_record(
            actor=requested_by,
            action="run.request",
            subject=str(run.number),
            detail={"kind": kind, "config": settings, "schedule": schedule},
        )
        transaction.on_commit(workers_notify)
    return run


def known_kind(kind: str) -> Kind:
    """Return the kind of that name, or raise an ApplicationError that lists the kinds."""
    try:
        return Kind(kind)
    except ValueError:
        raise ApplicationError(
            "unknown_kind",
            _("There is no kind of training named “%(kind)s”. Known: %(known)s.")
            % {"kind": kind, "known": ", ".join(Kind.values)},
            fields={"kind": [f"One of {', '.join(Kind.values)}."]},
        ) from None


def run_cancel(*, run: TrainingRun, actor: Contributor | None) -> TrainingRun:
    """End a queued run now, or ask the worker of a running one to end it."""
    with transaction.atomic():
        one = TrainingRun.objects.filter(pk=run.pk)
        queued = one.filter(state=RunState.QUEUED).update(
            state=RunState.CANCELLED, cancel_requested=True, finished_at=Now()
        )
        running = one.filter(state=RunState.RUNNING).update(cancel_requested=True)
        if not queued and not running:
            raise ConflictError(
                "run_is_over", _("This run has ended, so there is nothing to cancel.")
            )
        audit_record(actor=actor, action="run.cancel", subject=str(run.number))
    run.refresh_from_db()
    return run


def _with_live_reward(kind: Kind, config: Config) -> Config:
    """Let the live reward model score a policy's answers, unless the config names another."""
    live = Checkpoint.objects.live(Kind.REWARD).first() if kind == Kind.POLICY else None
    return config if live is None else {REWARD_MODEL: live.path, **config}


def _checked_seed(seed: int) -> int:
    if not 0 <= seed < 2**31:
        raise InvalidError({"seed": _("A seed from 0 to 2147483647, not %s.") % seed})
    return seed
