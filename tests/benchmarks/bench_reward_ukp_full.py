"""MiniLM tuned on UKPConvArg, leaving topics out; run by hand, restartable fold by fold.

    python tests/benchmarks/bench_reward_ukp_full.py --data ../shared/data --out FOLDER

Which of two short arguments convinces more: the 12,792 pairs whose gold label names a winner. Each
of `--folds` folds leaves out its topics (32: one topic each), trains on the pairs of all others
with the share of their five votes as soft labels, and is judged on the gold labels of its own. A
fold's right and wrong are written to the folder as it ends; what is there is not computed again.
Settings are of the trainers (`--set name=value`).

Prints one JSON object: accuracy over all pairs, its 95 % interval clustered by topic, how many
topics are done, and the accuracy of the longer argument on the same pairs.
"""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from trainers.artifacts import digest_of
from trainers.commands.settings import read_settings
from trainers.objectives.pairwise import Objective, Targets
from trainers.reward.config import REWARD, TransformerConfig
from trainers.reward.model import Answer
from trainers.reward.pair_task import PairCourse, PairDataset, PairTask
from trainers.reward.reading import Tokens
from trainers.reward.transformer import Transformer, new_model, score_tokens
from trainers.settings.config import as_json
from trainers.tuning.checkpoints import Checkpoints
from trainers.tuning.loop import adamw, tune
from trainers.tuning.processes import Processes
from trainers.tuning.step import Gradients

DEFAULTS = [
    *("mode=full", "device=cpu", "pairs_per_group=256", "optim.train_batch_size=256"),
    *("optim.num_train_epochs=4", "optim.learning_rate=1e-4"),
]
RESAMPLES = 2000


class Arguments:
    """The pairs as arrays: ends, gold winner (1: the first), share of votes, topic."""

    def __init__(self, folder: Path) -> None:
        texts = pq.read_table(folder / "ukpconv_arguments.parquet").to_pylist()
        pairs = pq.read_table(folder / "ukpconv_pairs.parquet").to_pylist()
        votes = pq.read_table(folder / "ukpconv_votes.parquet").to_pylist()
        pairs = [pair for pair in pairs if pair["mace_gold"] in ("a1", "a2")]
        share: dict[str, list[float]] = {}
        for vote in votes:
            worth = {"a1": 1.0, "a2": 0.0, "equal": 0.5}[vote["value"]]
            share.setdefault(vote["pair_id"], []).append(worth)
        words = {(text["topic"], text["arg_id"]): text["text"] for text in texts}
        rows = {key: row for row, key in enumerate(words)}
        asked = {pair["topic"]: f"{pair['title']}\n\n{pair['stance']}" for pair in pairs}
        self.answers = [
            Answer([{"role": "user", "content": asked[topic]}], text)
            for (topic, _), text in words.items()
        ]
        self.lengths = np.array([len(answer.text) for answer in self.answers])
        self.first = np.array([rows[pair["topic"], pair["arg1_id"]] for pair in pairs])
        self.second = np.array([rows[pair["topic"], pair["arg2_id"]] for pair in pairs])
        self.gold = np.array([pair["mace_gold"] == "a1" for pair in pairs])
        self.share = np.array([np.mean(share[pair["pair_id"]]) for pair in pairs])
        self.topics, self.topic = np.unique([p["topic"] for p in pairs], return_inverse=True)


def main() -> None:
    options = arguments()
    config = read_settings(REWARD, None, [*DEFAULTS, *options.set])
    assert isinstance(config, TransformerConfig)
    known = Arguments(options.data)
    folder = options.out / digest_of({**as_json(config), "folds": options.folds})[:12]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(as_json(config), indent=1) + "\n")
    for fold in range(options.folds):
        place = folder / f"fold-{fold:02d}.json"
        if not place.exists() and fold not in options.skip:
            found = run_fold(known, fold, options.folds, config, folder)
            place.with_suffix(".half").write_text(json.dumps(found))
            place.with_suffix(".half").rename(place)
            shutil.rmtree(folder / f"state-{fold:02d}", ignore_errors=True)
            sys.stderr.write(json.dumps(summary(known, folder)) + "\n")
    sys.stdout.write(json.dumps(summary(known, folder)) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(";")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=32)
    parser.add_argument("--skip", type=int, nargs="*", default=[], help="folds to leave undone")
    parser.add_argument("--set", action="extend", nargs="+", default=[], metavar="key=value")
    return parser.parse_args()


def run_fold(
    known: Arguments, fold: int, folds: int, config: TransformerConfig, folder: Path
) -> dict[str, Any]:
    """Right (1) or wrong (0) of every pair of the topics that a fold leaves out."""
    started = time.monotonic()
    torch.manual_seed(config.seed)
    left_out = known.topic % folds == fold
    made = new_model(config, torch.device("cpu"))
    sequences = made.reader.read(known.answers)
    dataset = PairDataset(
        sequences=sequences, first=known.first, second=known.second, targets=targets(known.share)
    )
    objective = Objective(scaling=config.scaling if config.loss.type == "adaptive" else None)
    task = PairTask(backbone=made.backbone, dataset=dataset, objective=objective)
    state = Checkpoints(folder / f"state-{fold:02d}", {}, config.checkpoint_seconds)
    epochs: list[float] = []

    def validate() -> float:
        right = judged(known, made, sequences, left_out)
        epochs.append(float(right.mean()))
        return epochs[-1]

    def report(step: int, steps: int, metrics: dict[str, float]) -> None:
        if step % 20 == 0 or step == steps:
            sys.stderr.write(f"fold {fold} step {step}/{steps} {metrics}\n")

    course = PairCourse(
        task=task,
        rows=np.flatnonzero(~left_out),
        prompts=known.topic[~left_out],
        ids=[""] * len(known.first),
        config=config,
        validate=validate,
    )
    size = config.max_tokens_per_microbatch
    tune(
        Gradients(task=task, processes=Processes.join("cpu"), size=size),
        course,
        adamw(made.model, config.optim, fused=True),
        config.optim,
        seed=config.seed,
        checkpoints=state,
        report=report,
    )
    right = judged(known, made, sequences, left_out)
    return {
        "pairs": np.flatnonzero(left_out).tolist(),
        "right": right.astype(int).tolist(),
        "epochs": epochs,
        "seconds": time.monotonic() - started,
    }


def judged(
    known: Arguments, made: Transformer, sequences: list[Tokens], rows: np.ndarray
) -> np.ndarray:
    """Whether the gold winner of each pair scores higher."""
    ends, where = np.unique(
        np.concatenate([known.first[rows], known.second[rows]]), return_inverse=True
    )
    scores = score_tokens(made, [sequences[end] for end in ends], Processes.join("cpu"))
    first, second = np.split(scores[where], 2)
    right: np.ndarray = (first > second) == known.gold[rows]
    return right


def targets(share: np.ndarray) -> Targets:
    """Soft labels alone."""
    n = len(share)
    none = torch.zeros(n)
    return Targets(
        label=torch.from_numpy(share).float(),
        tie=none,
        margin=none,
        weight=torch.ones(n),
        control=torch.zeros(n, 0),
    )


def summary(known: Arguments, folder: Path) -> dict[str, Any]:
    """What the folds that are done say together."""
    done = [json.loads(path.read_text()) for path in sorted(folder.glob("fold-*.json"))]
    rows = np.array([row for fold in done for row in fold["pairs"]], int)
    right = np.array([value for fold in done for value in fold["right"]], float)
    if not len(rows):
        return {"topics": 0}
    longer = (known.lengths[known.first] > known.lengths[known.second]) == known.gold
    topics, cluster = np.unique(known.topic[rows], return_inverse=True)
    sums, counts = np.bincount(cluster, right), np.bincount(cluster)
    drawn = np.random.default_rng(0).integers(0, len(topics), (RESAMPLES, len(topics)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    return {
        "topics": len(topics),
        "pairs": len(rows),
        "accuracy": round(float(right.mean()), 4),
        "accuracy_ci": np.quantile(means, [0.025, 0.975]).round(4).tolist(),
        "longer": round(float(longer[rows].mean()), 4),
        "seconds_a_fold": round(float(np.mean([fold["seconds"] for fold in done])), 1),
        "epochs": np.mean([fold["epochs"] for fold in done], 0).round(4).tolist()
        if len({len(fold["epochs"]) for fold in done}) == 1
        else [],
    }


if __name__ == "__main__":
    main()
