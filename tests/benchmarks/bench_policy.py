"""Ada-DPO on the starter pool with its defaults: seeds, other settings, texts to look at; by hand.

    python tests/benchmarks/bench_policy.py FOLDER [SEEDS] [name=value …]

Makes a snapshot of the starter pool and a reward model of it in FOLDER, trains one policy a seed
(0, 1, …), each with the settings given, and prints a Markdown table of their cards. What is there
already is not made again, so that a stopped run goes on. `blind.jsonl` gets 20 pairs of answers of
base and policy, left and right at random, `blind-key.json` which was which.
"""

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
JUDGMENTS = ROOT / "feedback" / "pool" / "starter" / "judgments.jsonl.gz"
LOOKED_AT = 20
METRICS = (
    *("implicit_accuracy", "implicit_margin", "kl", "reward_mean", "reward_reference_mean"),
    *("reward_gain", "length_mean", "length_reference_mean", "degenerate_share"),
    *("degenerate_reference_share", "repeating_share", "repeating_reference_share"),
)


def main() -> None:
    folder, seeds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    settings = sys.argv[3:]
    snapshot, reward = folder / "snapshot", folder / "reward"
    make(snapshot, "snapshot", "--from", JUDGMENTS, "--format", "preferences")
    make(reward, "reward", "--snapshot", snapshot)
    name = "-".join(["policy", *settings]).replace("/", "_")
    runs = [folder / f"{name}-{seed}" for seed in range(seeds)]
    for seed, run in enumerate(runs):
        asked = [f"reward_model={reward}", f"seed={seed}", *settings]
        make(run, "policy", "--snapshot", snapshot, "--set", *asked)
    print(table([json.loads((run / "card.json").read_text()) for run in runs]))
    look(runs, folder)


def make(out: Path, kind: str, *words: object) -> None:
    if not out.exists():
        line = [sys.executable, "-m", "trainers", kind, *map(str, words), "--out", str(out)]
        subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def table(cards: list[dict[str, Any]]) -> str:
    lines = ["| seed | " + " | ".join((*METRICS, "pairs/s", "seconds")) + " |"]
    lines.append("|---" * (len(METRICS) + 3) + "|")
    for card in cards:
        cells = [cell(card["metrics"], name) for name in METRICS]
        speed = card["speed"]
        cells += [f"{speed['pairs_per_second']:.2f}", f"{sum(speed['seconds'].values()):.0f}"]
        lines.append(f"| {card['seed']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(metrics: dict[str, Any], name: str) -> str:
    if name not in metrics:
        return ""
    low, high = metrics[f"{name}_ci"]
    return f"{metrics[name]:.3f} [{low:.3f}, {high:.3f}]"


def look(runs: list[Path], folder: Path) -> None:
    """Write pairs of distinct answers of all runs, sides drawn at random, and the key apart."""
    chance = Random(0)
    rows = [row for run in runs for row in json.loads((run / "samples.json").read_text())]
    differing = [row for row in rows if row["policy"] != row["reference"]]
    chosen = chance.sample(differing, min(LOOKED_AT, len(differing)))
    key = {}
    with (folder / "blind.jsonl").open("w") as file:
        for number, row in enumerate(chosen):
            sides = ["policy", "reference"]
            chance.shuffle(sides)
            key[number] = {"left": sides[0], "right": sides[1]}
            shown = {"number": number, "messages": row["messages"]}
            shown |= {"left": row[sides[0]], "right": row[sides[1]]}
            file.write(json.dumps(shown, ensure_ascii=False) + "\n")
    (folder / "blind-key.json").write_text(json.dumps(key))


if __name__ == "__main__":
    main()
