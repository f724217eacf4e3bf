"""Asking for a run, and asking for its end. Workers do the rest (leases, execution)."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from feedback.errors import ApplicationError, ConflictError
from feedback.people.models import Contributor
from feedback.people.services import audit_record
from feedback.training.models import Checkpoint, Kind, RunState, TrainingRun
from feedback.training.notify import workers_notify
from trainers.artifacts import code_version, digest_of

Config = Mapping[str, Any]
SCALARS = (str, int, float, bool, type(None))


def run_request(
    *,
    kind: str,
    config: Config | None = None,
    requested_by: Contributor | None = None,
    schedule: str = "",
    seed: int = 0,
) -> TrainingRun:
    """Queue a run and wake a worker once it is committed."""
    settings = _with_live_reward(kind, _checked(config or {}))
    with transaction.atomic():
        run = TrainingRun.objects.create(
            kind=known_kind(kind),
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
    """The kind of that name, or an error that lists the kinds."""
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


def _with_live_reward(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """Let the live reward model score a policy's answers, unless the config names another."""
    live = Checkpoint.objects.live(Kind.REWARD).first() if kind == Kind.POLICY else None
    return config if live is None else {"reward": live.path} | config


def _checked(config: Config) -> dict[str, Any]:
    """Settings that fit on a command line: a name each, and a plain value."""
    for key, value in config.items():
        if not key.isidentifier() or not isinstance(value, SCALARS):
            raise ApplicationError(
                "invalid_config",
                _("The setting “%s” must be a name with a number, a text, true, false or null.")
                % key,
                fields={"config": [f"{key}: not a plain value"]},
            )
        if key == "seed":
            raise ApplicationError(
                "invalid_config", _("The seed is given as `seed`, beside the config.")
            )
    return dict(config)


def _checked_seed(seed: int) -> int:
    if not 0 <= seed < 2**31:
        raise ApplicationError("invalid_seed", _("A seed from 0 to 2147483647, not %s.") % seed)
    return seed
