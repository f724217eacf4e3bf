"""Register what a run made, and choose which checkpoint of a kind is live. Rows, then files."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from feedback.database.locks import Lock, transaction_lock
from feedback.errors import ConflictError
from feedback.people.models import Contributor
from feedback.people.services import audit_record
from feedback.training.execution.leases import Claim, run_succeed
from feedback.training.models import Checkpoint, CheckpointState, Kind, Promotion, TrainingRun
from feedback.training.promotion.activation import checkpoint_step_back, checkpoint_take_effect
from feedback.training.promotion.gate import Verdict
from feedback.training.promotion.promoted_links import promoted_sync
from feedback.training.promotion.verdict_text import VerdictCode
from trainers.artifacts import Artifact


def checkpoint_register(
    *, claim: Claim, artifact: Artifact, verdict: Verdict, incumbent: Checkpoint | None
) -> Checkpoint:
    """End the run, register its checkpoint and apply the verdict of the gate, all or nothing."""
    with transaction.atomic():
        transaction_lock(Lock.PROMOTION)
        run_succeed(claim=claim, metrics=artifact.card["metrics"])
        run = TrainingRun.objects.get(pk=claim.run_id)
        checkpoint = Checkpoint.objects.create(
            run=run,
            kind=run.kind,
            version=_next_version(run.kind),
            path=str(artifact.path),
            digest=artifact.digest,
            files=dict(artifact.card["files"]),
            metrics=dict(artifact.card["metrics"]),
            verdict=verdict.stored,
        )
        if verdict.state == CheckpointState.LIVE and _live(run.kind) != incumbent:
            checkpoint.verdict = verdict.stored | {"code": VerdictCode.OVERTAKEN.value}
            checkpoint.save(update_fields=["verdict"])
        elif verdict.state == CheckpointState.LIVE:
            _promote(checkpoint, actor=None, evidence=verdict.evidence)
        else:
            checkpoint.state = verdict.state
            checkpoint.save(update_fields=["state"])
    return checkpoint


def checkpoint_promote(
    *, checkpoint: Checkpoint, actor: Contributor, evidence: Mapping[str, Any] | None = None
) -> Promotion:
    """Make a checkpoint the live one of its kind, as a person decided."""
    with transaction.atomic():
        transaction_lock(Lock.PROMOTION)
        checkpoint.refresh_from_db()
        if checkpoint.state == CheckpointState.LIVE:
            raise ConflictError("already_live", _("%s is already live.") % checkpoint)
        return _promote(checkpoint, actor=actor, evidence=evidence or {"by_hand": True})


def checkpoint_roll_back(*, checkpoint: Checkpoint, actor: Contributor) -> Promotion:
    """Bring back what this live checkpoint replaced."""
    with transaction.atomic():
        transaction_lock(Lock.PROMOTION)
        last = checkpoint.promotions.order_by("-created_at").first()
        if last is None or last.replaced is None or _live(checkpoint.kind) != checkpoint:
            raise ConflictError("nothing_to_roll_back", _("%s replaced nothing.") % checkpoint)
        evidence = {"rolled_back": str(checkpoint)}
        return _promote(last.replaced, actor=actor, evidence=evidence)


def _promote(
    checkpoint: Checkpoint, *, actor: Contributor | None, evidence: Mapping[str, Any]
) -> Promotion:
    """Promote in the caller's transaction, under the lock; the links follow its commit."""
    replaced = _live(checkpoint.kind)
    if replaced is not None:
        replaced.state = CheckpointState.REPLACED
        replaced.save(update_fields=["state"])
        checkpoint_step_back(replaced)
    checkpoint.state = CheckpointState.LIVE
    checkpoint.save(update_fields=["state"])
    checkpoint_take_effect(checkpoint)
    audit_record(
        actor=actor,
        action="checkpoint.promote",
        subject=str(checkpoint),
        detail={"replaced": str(replaced) if replaced else None, "evidence": dict(evidence)},
    )
    transaction.on_commit(promoted_sync)
    return Promotion.objects.create(
        kind=checkpoint.kind,
        checkpoint=checkpoint,
        replaced=replaced,
        evidence=dict(evidence),
        decided_by=actor,
    )


def _live(kind: str) -> Checkpoint | None:
    return Checkpoint.objects.live(Kind(kind)).first()


def _next_version(kind: str) -> int:
    newest: int | None = Checkpoint.objects.filter(kind=kind).aggregate(n=Max("version"))["n"]
    return (newest or 0) + 1
