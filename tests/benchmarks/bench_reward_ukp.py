"""Which of two arguments convinces more: UKPConvArg, one topic left out of 32 at a time.

    PYTHONPATH=. python tests/benchmarks/bench_reward_ukp.py [--only NAME …] [--topics 32]
                                                             [--seconds 5400] [--keep FOLDER]

The 12,792 pairs whose gold label names a winner; accuracy is against that label, intervals are over
topics. A variant may try several settings on each training part: the one with the lowest log-loss
on its own held-out topics is taken, so that nothing is chosen by the topic that is judged. Votes:
training labels are the five votes of a pair (a tie half a win for each) and not the gold label.
With `--keep`, what was trained is written to the folder fit by fit and not trained again: a run
that was stopped goes on, and variants share their fits. Prints JSON.
"""

import argparse
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from tests.benchmarks import reward_trials as trials
from trainers.artifacts import digest_of
from trainers.data.comparisons import Comparisons
from trainers.data.holdout import Holdout
from trainers.reward.config import REWARD, RewardConfig
from trainers.reward.data import Pairs
from trainers.reward.model import Answer
from trainers.settings.config import as_json
from trainers.statistics.measures import row_accuracy

BASE: dict[str, Any] = {
    "loss.type": "adaptive",
    "train_baseline": False,
    "device": "cpu",
    "optim.train_batch_size": 512,
    "optim.num_train_epochs": 40,
    "early_stopping_patience": 4,
}
ALL: dict[str, Any] = {**BASE, "features.layers": "all"}
PLAIN: dict[str, Any] = {"loss.type": "bradley_terry"}
LINEAR: dict[str, Any] = {"head.architecture": "linear", "head.ensemble_size": 1}
LAST_PLAIN, LAST_ADAPTIVE = {**BASE, **PLAIN, **LINEAR}, {**BASE, **LINEAR}
ALL_PLAIN, ALL_ADAPTIVE = {**ALL, **PLAIN, **LINEAR}, {**ALL, **LINEAR}
# Several dictionaries: settings to choose from inside the training part.
VARIANTS: dict[str, tuple[dict[str, Any], ...]] = {
    "layers chosen inside, linear, Bradley–Terry, 1 member": (LAST_PLAIN, ALL_PLAIN),
    "layers chosen inside, linear, adaptive, 1 member": (LAST_ADAPTIVE, ALL_ADAPTIVE),
    "layers and loss chosen inside, linear, 1 member": (
        *(LAST_PLAIN, ALL_PLAIN),
        *(LAST_ADAPTIVE, ALL_ADAPTIVE),
    ),
    "last layer, linear, Bradley–Terry, 1 member": (LAST_PLAIN,),
    "last layer, linear, adaptive, 1 member": (LAST_ADAPTIVE,),
    "all layers, linear, Bradley–Terry, 1 member": (ALL_PLAIN,),
    "all layers, linear, adaptive, 1 member": (ALL_ADAPTIVE,),
    "all layers, linear, Bradley–Terry, 5 members": (
        {**ALL, **PLAIN, "head.architecture": "linear"},
    ),
    "all layers, linear, adaptive, 5 members": ({**ALL, "head.architecture": "linear"},),
    "all layers, gpm, Bradley–Terry, 5 members": (
        {**ALL, **PLAIN, "head.architecture": "linear", "head.kind": "gpm"},
    ),
    "all layers, chosen inside, Bradley–Terry, 5 members": (
        {**ALL, **PLAIN, "head.architecture": "auto"},
    ),
    "all layers, chosen inside, adaptive, 5 members": ({**ALL, "head.architecture": "auto"},),
}


def read_ukp() -> tuple[Pairs, np.ndarray, np.ndarray]:
    """Pairs with a winner, their topics (n,), and the share of votes for a (n,)."""
    rows = pq.read_table(trials.DATA / "ukpconv_pairs.parquet").to_pylist()
    rows = [row for row in rows if row["mace_gold"] in ("a1", "a2")]
    texts = {
        row["arg_id"]: row["text"]
        for row in pq.read_table(trials.DATA / "ukpconv_arguments.parquet").to_pylist()
    }
    keys = [(row["topic"], row[end]) for end in ("arg1_id", "arg2_id") for row in rows]
    about = {row["topic"]: f"{row['title']}\n\n{row['stance']}" for row in rows}
    number = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    ends = np.array([number[key] for key in keys])
    names = np.array([row["pair_id"] for row in rows], object)
    topics = np.array([row["topic"] for row in rows], object)
    gold = np.array([float(row["mace_gold"] == "a1") for row in rows])
    nothing = np.zeros(len(rows))
    comparisons = Comparisons(
        comparison_id=names,
        prompt_id=topics,
        response_a=names,
        response_b=names,
        model_a=names,
        model_b=names,
        label=gold,
        tie=nothing,
        strength=nothing,
        weight=nothing + 1.0,
    )
    answers = [
        Answer([{"role": "user", "content": about[topic]}], texts[end]) for topic, end in number
    ]
    empty = np.zeros(0, np.int64)
    pairs = Pairs(
        comparisons=comparisons,
        holdout=Holdout(train=empty, validation=empty, test=empty),
        first=ends[: len(rows)],
        second=ends[len(rows) :],
        answers=answers,
        aspects={},
        skipped=0,
        identical=0,
    )
    return pairs, topics, _votes(names)


def _votes(names: np.ndarray) -> np.ndarray:
    table = pq.read_table(trials.DATA / "ukpconv_votes.parquet", columns=["pair_id", "value"])
    said = Counter(zip(table["pair_id"].to_pylist(), table["value"].to_pylist(), strict=True))
    counts = np.array([[said[name, value] for value in ("a1", "a2", "equal")] for name in names])
    share: np.ndarray = (counts[:, 0] + 0.5 * counts[:, 2]) / counts.sum(1)
    return share


def leave_one_out(
    pairs: Pairs,
    topics: np.ndarray,
    labels: np.ndarray,
    settings: tuple[dict[str, Any], ...],
    how: Any,
) -> dict[str, Any]:
    """Logits of every pair by a model that saw nothing of its topic, and their measures."""
    logits, chosen = np.full(len(topics), np.nan), Counter[str]()
    known = np.array(sorted(set(topics)))
    configs = [REWARD.read(setting) for setting in settings]
    trained = trials.replace(pairs, comparisons=trials.replace(pairs.comparisons, label=labels))
    for place, topic in enumerate(known[: how.topics]):
        if how.bound.over:
            break
        # One member needs topics to stop on: two others, the same for every variant.
        held = np.isin(topics, known[[(place + 7) % len(known), (place + 19) % len(known)]])
        test = topics == topic
        parts = [np.flatnonzero(mask) for mask in (~test & ~held, ~test & held, test)]
        division = trials.divided(trained, *parts)
        found = [kept_trial(division, config, how) for config in configs]
        best = min(range(len(found)), key=lambda number: found[number].inner_log_loss)
        logits[test] = found[best].logits
        config = configs[best]
        chosen[f"{config.features.layers}, {found[best].head}, {config.loss.type}"] += 1
    done = ~np.isnan(logits)
    _, cluster = np.unique(topics[done].astype(str), return_inverse=True)
    gold = pairs.comparisons.label[done]
    counts = {"n": int(done.sum()), "topics": int(cluster.max()) + 1, "chosen": chosen}
    return {**trials.measured(logits[done], gold, cluster), **counts}


def kept_trial(division: Pairs, config: RewardConfig, how: Any) -> trials.Trial:
    """The trial of this division and config, from the folder where it was kept."""
    known = division.comparisons
    rows = [part.tolist() for part in (division.holdout.train, division.holdout.test)]
    what = digest_of({**as_json(config), "labels": known.label.tolist(), "rows": rows})
    place = how.keep / f"{what[:24]}.json" if how.keep else None
    if place and place.exists():
        kept = json.loads(place.read_text())
        return trials.Trial(**{**kept, "logits": np.array(kept["logits"])})
    if config.features.layers not in how.features:
        how.features[config.features.layers] = trials.features_of(division, config)
    found = trials.run_trial(division, how.features[config.features.layers], config)
    if place:
        half = place.with_suffix(".half")
        half.write_text(json.dumps({**asdict(found), "logits": found.logits.tolist()}))
        half.rename(place)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--topics", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5400.0)
    parser.add_argument("--keep", type=Path)
    how = parser.parse_args()
    how.bound, how.features = trials.Bound(how.seconds), {}
    if how.keep:
        how.keep.mkdir(parents=True, exist_ok=True)
    pairs, topics, votes = read_ukp()
    gold, lengths = pairs.comparisons.label, pairs.lengths
    longer = lengths[pairs.first] - lengths[pairs.second]
    report: dict[str, Any] = {
        "pairs": len(gold),
        "topics": len(set(topics)),
        "length": trials.rounded(float(row_accuracy(longer, gold).mean())),
        "majority": trials.rounded(float(max(gold.mean(), 1 - gold.mean()))),
        "votes_agree_with_gold": trials.rounded(float(row_accuracy(votes - 0.5, gold).mean())),
    }
    for name, settings in VARIANTS.items():
        for kind, labels in (("gold", gold), ("votes", votes)):
            title = f"{name}, {kind}"
            if how.bound.over or (how.only and not any(part in title for part in how.only)):
                continue
            report[title] = leave_one_out(pairs, topics, labels, settings, how)
            trials.note(f"{title}: {report[title]}")
    print(json.dumps(report, ensure_ascii=False))


if __name__ == "__main__":
    main()
