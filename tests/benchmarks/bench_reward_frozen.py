"""Frozen mode on many cached pairs: seconds of an epoch, and memory against the number of pairs.

    PYTHONPATH=. OMP_NUM_THREADS=2 python tests/benchmarks/bench_reward_frozen.py
                                          [--pairs 25000 50000 100000] [--members 1] [--hidden 64]

Two answers a pair and two pairs a prompt; vectors are random and in the mapped files that training
reads, as if they had been cached. Each size runs in a process of its own. `rss_anonymous_mib` is
what the process holds that no file backs (features are in files, which the system may drop), before
and after the epoch; `python_mib` is what it held before there were any pairs. The epoch includes
the look at the held-out pairs. Prints JSON; about a minute.
"""

import argparse
import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def anonymous_mib() -> float:
    text = Path("/proc/self/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0]) / 1024


def one(pairs: int, members: int, hidden: int, threads: int) -> dict[str, Any]:
    import numpy as np
    import torch

    from trainers.data.comparisons import ABOUT, Comparisons
    from trainers.data.holdout import Holdout
    from trainers.progress import Progress
    from trainers.reward.config import REWARD, FrozenConfig
    from trainers.reward.data import Pairs
    from trainers.reward.features import Features, mapped_array
    from trainers.reward.frozen_mode import HeadTrials
    from trainers.reward.model import Answer
    from trainers.reward.surface import SURFACE_FEATURES

    torch.set_num_threads(threads)
    torch.optim.AdamW([torch.zeros(1, requires_grad=True)]).zero_grad()  # imports half of torch
    start = anonymous_mib()
    random = np.random.default_rng(0)
    features = Features(
        prompt=unit(mapped_array((pairs // 2, 384), np.float32), random),
        prompt_of=np.repeat(np.arange(pairs // 2), 4),
        response=unit(mapped_array((2 * pairs, 384), np.float32), random),
        surface=unit(mapped_array((2 * pairs, len(SURFACE_FEATURES)), np.float32), random),
    )
    names = np.arange(pairs).astype(object)
    nothing = np.zeros(pairs)
    held = np.arange(pairs) % 20 == 0
    made = Pairs(
        comparisons=Comparisons(
            **dict.fromkeys(["comparison_id", *ABOUT], names),
            label=(random.random(pairs) < 0.5).astype(float),
            tie=nothing,
            strength=nothing,
            weight=nothing + 1.0,
        ),
        holdout=Holdout(
            train=np.flatnonzero(~held), validation=np.flatnonzero(held), test=np.flatnonzero(held)
        ),
        first=np.arange(0, 2 * pairs, 2),
        second=np.arange(1, 2 * pairs, 2),
        answers=[Answer([], "")] * (2 * pairs),
        aspects={},
        skipped=0,
        identical=0,
    )
    settings = {
        "device": "cpu",
        "train_baseline": False,
        "head.ensemble_size": members,
        "optim.num_train_epochs": 1,
        "features.hidden_size": hidden,
    }
    found: dict[str, Any] = {"pairs": pairs, "python_mib": round(start, 1)}
    for head in ("linear", "mlp"):
        before, started, busy = anonymous_mib(), time.monotonic(), time.process_time()
        config = REWARD.read({**settings, "head.architecture": head})
        assert isinstance(config, FrozenConfig)
        HeadTrials(made, features, config, Progress(io.StringIO())).fit()
        found[head] = {
            "epoch_s": round(time.monotonic() - started, 2),
            "cpu_s": round(time.process_time() - busy, 2),
            "rss_anonymous_mib": [round(before, 1), round(anonymous_mib(), 1)],
        }
    return found


def unit(rows: Any, random: Any) -> Any:
    """Fill with rows of about unit length, in parts."""
    for start in range(0, len(rows), 8192):
        part = random.standard_normal(rows[start : start + 8192].shape, "f4")
        rows[start : start + 8192] = part / rows.shape[1] ** 0.5
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, nargs="*", default=[25_000, 50_000, 100_000])
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", action="store_true")
    how = parser.parse_args()
    if how.one:
        print(json.dumps(one(how.pairs[0], how.members, how.hidden, how.threads)))
        return
    rows = []
    for pairs in how.pairs:
        command = [sys.executable, __file__, "--one", "--pairs", str(pairs)]
        command += ["--members", str(how.members), "--hidden", str(how.hidden)]
        command += ["--threads", str(how.threads)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=500)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    print(json.dumps({"members": how.members, "hidden": how.hidden, "rows": rows}))


if __name__ == "__main__":
    main()
