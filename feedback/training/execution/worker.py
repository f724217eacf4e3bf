"""One run from claim to checkpoint, in a worker that may lose its database on the way.

Every step can be repeated: a snapshot that is written and an artifact that is finished are used
again, and the checkpoint is registered in one guarded transaction. So after a lost connection the
attempt simply goes on, and after a lost worker another one resumes where it ended.
"""

import logging
import os
import shutil
import socket
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction

from feedback.database.availability import DATABASE_GONE, connection_forget, database_probe
from feedback.quality.services import consensus_refresh
from feedback.training.execution.child import trainer_run
from feedback.training.execution.leases import (
    Claim,
    LeaseLostError,
    lost_runs_end,
    run_claim,
    run_end_cancelled,
    run_fail,
    run_heartbeat,
    run_release,
    run_requeue,
)
from feedback.training.execution.reporting import CancelledError, Reporter
from feedback.training.models import WITHOUT_RESULT, Checkpoint, Kind, TrainingRun
from feedback.training.promotion.evaluation import candidate_judge
from feedback.training.promotion.services import checkpoint_register
from feedback.training.snapshots.services import EmptyPoolError, snapshot_write, snapshots_folder
from trainers.artifacts import Artifact, code_version, open_artifact
from trainers.errors import InputError
from trainers.settings.values import as_text

logger = logging.getLogger(__name__)

DATABASE_WAIT_SECONDS = 120.0
SNAPSHOT_SHARE, TRAIN_SHARE = 0.05, 0.9  # where the bar stands when each has ended


class RunFailedError(Exception):
    """The run cannot succeed; the message is for people."""


class RepeatedError(Exception):
    """Another run was made from exactly the same inputs."""


class ChildKilledError(Exception):
    """The trainer was killed from outside; it may be tried again."""


def next_run_execute() -> bool:
    """Claim the next run and execute it to its end; return whether there was one."""
    lost_runs_end()
    claim = run_claim(worker=f"{socket.gethostname()} {os.getpid()}")
    if claim is None:
        return False
    while True:
        try:
            _attempt(claim)
        except LeaseLostError:
            logger.warning("run %s: attempt %s lost its lease", claim.run_id, claim.attempt)
        except DATABASE_GONE:
            if _lease_regained(claim):
                continue
        return True


def _attempt(claim: Claim) -> None:
    """Execute the run and write down how it ended."""
    try:
        _execute(claim)
    except CancelledError:
        run_end_cancelled(claim=claim, reason="Cancelled.")
    except RepeatedError as error:
        run_end_cancelled(claim=claim, reason=str(error))
    except (RunFailedError, EmptyPoolError) as error:
        run_fail(claim=claim, error=str(error))
    except ChildKilledError as error:
        run_release(claim=claim, reason=str(error))
    except (LeaseLostError, *DATABASE_GONE):
        raise
    except Exception as error:
        logger.exception("run %s failed", claim.run_id)
        run_fail(claim=claim, error=f"{type(error).__name__}: {error}")
    except BaseException:  # this worker is told to stop
        with suppress(LeaseLostError, *DATABASE_GONE):
            run_requeue(claim=claim, reason="Its worker was stopped.")
        raise


def _execute(claim: Claim) -> None:
    run = TrainingRun.objects.get(pk=claim.run_id)
    kind = Kind(run.kind)
    reporter = Reporter(claim)
    snapshot = _snapshot(claim, run, reporter)
    artifact = _artifact(run, snapshot, reporter)
    reporter.stage("gate", TRAIN_SHARE, 1.0)
    incumbent = Checkpoint.objects.live(kind).select_related("run").first()
    with tempfile.TemporaryDirectory(prefix="gate-", dir=_scratch()) as workspace:
        verdict = candidate_judge(
            kind=kind,
            artifact=artifact,
            incumbent=incumbent,
            snapshots=snapshots_folder(),
            workspace=Path(workspace),
            evaluate=lambda arguments: _child(arguments, reporter) == 0,
            on_tick=reporter.tick,
        )
    checkpoint_register(claim=claim, artifact=artifact, verdict=verdict, incumbent=incumbent)


def _snapshot(claim: Claim, run: TrainingRun, reporter: Reporter) -> Path:
    """Return the run's snapshot: what an earlier attempt wrote, or the pool as it is now."""
    if run.snapshot_digest and (snapshots_folder() / run.snapshot_digest).is_dir():
        return snapshots_folder() / run.snapshot_digest
    reporter.stage("snapshot", 0.0, SNAPSHOT_SHARE)
    consensus_refresh()
    reporter.tick()
    digest = snapshot_write(on_tick=reporter.tick)
    run.snapshot_digest, run.code_version = digest, code_version()
    try:
        with transaction.atomic():
            claim.write(snapshot_digest=digest, code_version=run.code_version)
    except IntegrityError as error:
        raise RepeatedError(_repeats(run)) from error
    return snapshots_folder() / digest


def _repeats(run: TrainingRun) -> str:
    same = TrainingRun.objects.exclude(state__in=WITHOUT_RESULT).get(
        kind=run.kind,
        snapshot_digest=run.snapshot_digest,
        config_digest=run.config_digest,
        code_version=run.code_version,
        seed=run.seed,
    )
    return f"Nothing to do: run {same.number} has exactly the same data, settings and code."


def _artifact(run: TrainingRun, snapshot: Path, reporter: Reporter) -> Artifact:
    """Train, and return the artifact; one that an earlier attempt finished is used as it is."""
    out: Path = settings.DATA_DIR / "artifacts" / run.kind / str(run.id)
    reporter.stage("train", SNAPSHOT_SHARE, TRAIN_SHARE)
    if not out.exists():
        _remove_partial(out)
        arguments = [run.kind, "--snapshot", str(snapshot), "--out", str(out)]
        status = _child([*arguments, "--set", *_assignments(run)], reporter)
        if status != 0:
            _remove_partial(out)
            # A killed child goes on from its checkpoints; one that gave up does not.
            shutil.rmtree(out.with_name(f"{out.name}.checkpoints"), ignore_errors=True)
            raise RunFailedError(reporter.last_line or f"The trainer ended with status {status}.")
    try:
        artifact = open_artifact(out)
    except InputError as error:
        raise RunFailedError(f"The artifact is not as its card says: {error}") from error
    if artifact.card.get("snapshot_digest") != run.snapshot_digest:
        raise RunFailedError("The artifact was trained on another snapshot.")
    return artifact


def _assignments(run: TrainingRun) -> list[str]:
    """Return the run's settings as `key=value`, in the words of the trainers' command line."""
    given = (f"{name}={as_text(value)}" for name, value in run.config.items())
    return [f"seed={run.seed}", *given]


def _child(arguments: list[str], reporter: Reporter) -> int:
    """Run a trainer to its end; one that somebody killed may be tried again."""
    ended = trainer_run(arguments, on_line=reporter.line, on_tick=reporter.tick)
    reporter.flush()
    if ended.status < 0:
        raise ChildKilledError(f"The training process was killed (signal {-ended.status}).")
    return ended.status


def _remove_partial(out: Path) -> None:
    """Remove what a killed child of an earlier attempt left beside the artifact."""
    for half in out.parent.glob(f"{out.name}.partial-*"):
        shutil.rmtree(half, ignore_errors=True)


def _scratch() -> Path:
    folder: Path = settings.DATA_DIR / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _lease_regained(claim: Claim) -> bool:
    """Wait for the database to come back; return whether the lease is still ours then."""
    deadline = time.monotonic() + DATABASE_WAIT_SECONDS
    while time.monotonic() < deadline:
        connection_forget()
        time.sleep(0.5)
        try:
            database_probe()
            run_heartbeat(claim=claim, values={})
        except DATABASE_GONE:
            continue
        except LeaseLostError:
            return False
        return True
    return False
