"""Training a reward model from a snapshot, in any mode: fit, calibrate, measure, write."""

import shutil
from dataclasses import asdict
from pathlib import Path

from trainers.artifacts import Artifact, check_free, open_artifact, write_artifact
from trainers.data.snapshot import Snapshot
from trainers.progress import Progress
from trainers.reward.calibrate import calibrate
from trainers.reward.config import RewardConfig
from trainers.reward.data import Pairs, read_pairs
from trainers.reward.evaluate import held_out_metrics, measure_bias, predict_test
from trainers.reward.model_card import write_about
from trainers.reward.modes import fit
from trainers.reward.noise import Report, find_noise, without
from trainers.settings.config import as_json
from trainers.tuning.devices import make_deterministic
from trainers.tuning.processes import Processes


def train(snapshot: Snapshot, out: Path, config: RewardConfig, progress: Progress) -> Artifact:
    """Fit the model and its Bradley–Terry baseline, measure both, write the artifact.

    Under loss "auto" the model is its baseline where that is better on validation.

    The same snapshot, config, code and seed give the same files on the same machine. A run that was
    killed goes on from the checkpoints beside `out` when it is started again.
    """
    check_free(out)  # before the work; writing asks again
    make_deterministic(config.seed)
    processes = Processes.join(config.device)
    checkpoints = out.with_name(f"{out.name}.checkpoints")
    pairs, quarantined = _filtered(read_pairs(snapshot), config)
    trained = fit(pairs, config, progress, checkpoints)
    progress.report("evaluate", 0, 1)
    calibration = calibrate(trained.model, pairs, trained.held_out)
    # Where both are the same model, it is calibrated already.
    if trained.baseline is not None and trained.baseline is not trained.model:
        calibrate(trained.baseline, pairs, trained.baseline_held_out)
    # After calibration, which changes the weights.
    found = predict_test(pairs, trained.model)
    card = {
        "snapshot_digest": snapshot.digest,
        "config": as_json(config),
        "seed": config.seed,
        "metrics": held_out_metrics(pairs, found, trained.baseline),
        "calibration": asdict(calibration),
        "bias": measure_bias(pairs, found),
        "training": {
            **trained.training,
            "comparisons": pairs.counts,
            "quarantined": len(quarantined or ()),
        },
        **trained.card,
    }

    def write(folder: Path) -> None:
        trained.write(folder)
        write_about(folder, card, snapshot.manifest["licence"], quarantined)

    if processes.is_main_process:
        write_artifact(out, kind="reward", card_fields=card, write_files=write)
        # Only now that the artifact stands: a run that is killed before goes on from them.
        shutil.rmtree(checkpoints, ignore_errors=True)
    # All open below what one process has written.
    processes.wait_for_everyone()
    progress.report("evaluate", 1, 1)
    return open_artifact(out)


def _filtered(pairs: Pairs, config: RewardConfig) -> tuple[Pairs, Report | None]:
    """Return the pairs without those whose labels are not believed, where that is asked for."""
    if not config.noise:
        return pairs, None
    found = find_noise(pairs, config)
    return without(pairs, found), found.report(pairs)
