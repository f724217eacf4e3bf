"""Full tuning of MiniLM on real pairs, beside TRL's RewardTrainer on the same pairs; run by hand.

    python tests/benchmarks/bench_reward_throughput.py --data ../shared/data [--share 0.15]
        [--pairs human|ukp] [--only trl ours]

Both start from the same weights and read the same token ids at the same batch, precision, rate and
schedule; pairs that TRL would drop as too long are left out for both. TRL groups by length, keeps
its activations (gradient checkpointing off), and tokenises beforehand. `--share` is the part of
each source's prompts that is trained on; the rest is held out, and both are judged on it.

Prints one JSON object: for TRL and for three settings of ours (nothing shared; each answer once a
step; the same with pairs that share answers drawn together) seconds, pairs/s, tokens/s without
padding (every side of every pair counted), the ratio to TRL, accuracy on held-out pairs, and how
far that is ahead of TRL's, with a 95 % interval over prompts. `--pairs ukp`: arguments, which a few
thousand pairs teach, where on `human` one epoch teaches next to nothing.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from datasets import Dataset
from transformers import AutoModelForSequenceClassification
from trl import RewardConfig, RewardTrainer

from trainers.objectives.pairwise import Objective, Targets
from trainers.reward.config import REWARD, TransformerConfig
from trainers.reward.model import Answer
from trainers.reward.pair_task import PairCourse, PairDataset, PairTask
from trainers.reward.reading import Tokens
from trainers.reward.transformer import Transformer, new_model, score_tokens
from trainers.statistics.measures import mean, with_intervals
from trainers.tuning.loop import adamw, tune
from trainers.tuning.processes import Processes
from trainers.tuning.step import Gradients

SEED = 0


@dataclass(frozen=True)
class Data:
    """Token sequences, the chosen and the rejected of every pair, its prompt; train and rest."""

    sequences: list[Tokens]
    chosen: np.ndarray
    rejected: np.ndarray
    prompt: np.ndarray
    train: np.ndarray
    held_out: np.ndarray

    def tokens(self, rows: np.ndarray) -> int:
        """Of both sides of some pairs."""
        ends = np.concatenate([self.chosen[rows], self.rejected[rows]])
        return int(sum(len(self.sequences[end]) for end in ends))


def main() -> None:
    options = arguments()
    config = REWARD.read(
        {
            "mode": "full",
            "loss.type": "bradley_terry",
            "optim.train_batch_size": options.batch,
            "optim.num_train_epochs": options.epochs,
            "optim.learning_rate": options.rate,
            "precision": options.precision,
            "device": options.device,
        }
    )
    assert isinstance(config, TransformerConfig)
    rows = PAIRS[options.pairs](options.data)
    data = divide(rows, config, options.share, options.held_out)
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "start"
        new_model(config, torch.device("cpu")).model.save_pretrained(start)
        runs: dict[str, Callable[[], dict[str, Any]]] = {
            "trl": lambda: trl(data, start, config, Path(folder) / "trl"),
            "ours_nothing_shared": lambda: ours(data, config, shared=False, meet=1),
            "ours_read_once": lambda: ours(data, config, shared=True, meet=1),
            "ours": lambda: ours(data, config, shared=True, meet=options.meet),
        }
        found: dict[str, Any] = {name: runs[name]() for name in options.only or runs}
    right = {name: result.pop("right") for name, result in found.items()}
    for result in found.values():
        result["pairs_per_second"] = len(data.train) * options.epochs / result["seconds"]
        result["tokens_per_second"] = data.tokens(data.train) * options.epochs / result["seconds"]
        result["ratio"] = found["trl"]["seconds"] / result["seconds"]
    for name, hits in right.items():
        found[name] |= ahead(data, hits, right["trl"])
    about = {
        "pairs": len(data.train),
        "held_out": len(data.held_out),
        "tokens": data.tokens(data.train),
        "batch": options.batch,
        "epochs": options.epochs,
        "precision": options.precision,
        "meet": options.meet,
        "data": options.pairs,
        "threads": torch.get_num_threads(),
        "device": options.device,
    }
    sys.stdout.write(json.dumps(rounded({**about, **found})) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(";")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pairs", choices=PAIRS, default="human")
    parser.add_argument("--only", nargs="+", help="which of the runs; trl must be among them")
    parser.add_argument("--held-out", type=int, default=600)
    parser.add_argument("--share", type=float, default=0.15)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--meet", type=int, default=8)
    parser.add_argument("--rate", type=float, default=5e-5)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


@dataclass(frozen=True)
class Rows:
    """Decided pairs as the files have them; prompts are divided within their source."""

    prompt: list[str]
    sides: list[tuple[str, str]]
    wins: np.ndarray
    source: np.ndarray


def human_rows(folder: Path) -> Rows:
    """human_pairs, ties left out."""
    table = pq.read_table(folder / "human_pairs.parquet").to_pydict()
    decided = np.flatnonzero(np.array(table["p_a"]) != 0.5)
    return Rows(
        [table["prompt"][row] for row in decided],
        [(table["response_a"][row], table["response_b"][row]) for row in decided],
        np.array(table["p_a"])[decided] > 0.5,
        np.array(table["source"])[decided],
    )


def ukp_rows(folder: Path) -> Rows:
    """The pairs of UKPConvArg whose gold label names a winner; a topic is a prompt."""
    said = pq.read_table(folder / "ukpconv_arguments.parquet").to_pydict()
    keys = zip(said["topic"], said["arg_id"], strict=True)
    text = dict(zip(keys, said["text"], strict=True))
    pairs = pq.read_table(folder / "ukpconv_pairs.parquet").to_pylist()
    pairs = [row for row in pairs if row["mace_gold"] in {"a1", "a2"}]
    return Rows(
        [f"{row['title']} {row['stance']}" for row in pairs],
        [(text[row["topic"], row["arg1_id"]], text[row["topic"], row["arg2_id"]]) for row in pairs],
        np.array([row["mace_gold"] == "a1" for row in pairs]),
        np.zeros(len(pairs)),
    )


PAIRS = {"human": human_rows, "ukp": ukp_rows}


def divide(found: Rows, config: TransformerConfig, share: float, most_held_out: int) -> Data:
    """Pairs that the model can read whole, divided by prompt within each source."""
    reader = new_model(config, torch.device("cpu")).reader
    keys = [
        (prompt, text)
        for prompt, sides in zip(found.prompt, found.sides, strict=True)
        for text in sides
    ]
    rows = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    said = [Answer([{"role": "user", "content": prompt}], text) for prompt, text in rows]
    sequences = [Tokens(tokens.ids) for tokens in reader.read(said)]  # TRL gives no token types
    # The reader cuts to the window; TRL drops what is longer, so both leave such pairs out.
    window = reader.max_length
    whole = np.array([len(tokens) < window for tokens in sequences])
    ends = np.array([rows[key] for key in keys]).reshape(-1, 2)
    fits = whole[ends].all(1)
    prompts = np.unique(np.array(found.prompt), return_inverse=True)[1]
    trained = np.zeros(len(fits), bool)
    random = np.random.default_rng(SEED)
    for name in np.unique(found.source):
        own = random.permutation(np.unique(prompts[found.source == name]))
        trained |= np.isin(prompts, own[: max(1, round(share * len(own)))])
    held_out = random.permutation(np.flatnonzero(fits & ~trained))[:most_held_out]
    chosen, rejected = (np.where(found.wins == side, *ends.T) for side in (True, False))
    train = np.flatnonzero(fits & trained)
    return Data(sequences, chosen, rejected, prompts, train, held_out)


def trl(data: Data, start: Path, config: TransformerConfig, out: Path) -> dict[str, Any]:
    """RewardTrainer at its best settings: tokens ready, length grouping, no checkpointing."""
    bfloat16 = config.precision == "bfloat16"
    settings = RewardConfig(
        output_dir=str(out),
        per_device_train_batch_size=config.optim.train_batch_size,
        num_train_epochs=config.optim.num_train_epochs,
        learning_rate=config.optim.learning_rate,
        warmup_steps=config.optim.warmup_ratio,
        weight_decay=config.optim.weight_decay,
        lr_scheduler_type="linear",
        max_length=None,
        bf16=bfloat16,
        gradient_checkpointing=False,
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,  # it would remove the lengths that are to be grouped by
        use_cpu=config.device == "cpu",
        seed=SEED,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )
    ids = [tokens.ids.tolist() for tokens in data.sequences]
    sides = {"chosen_ids": data.chosen[data.train], "rejected_ids": data.rejected[data.train]}
    columns: dict[str, Any] = {name: [ids[end] for end in ends] for name, ends in sides.items()}
    both = zip(columns["chosen_ids"], columns["rejected_ids"], strict=True)
    columns["length"] = [max(map(len, pair)) for pair in both]
    made = new_model(config, torch.device(config.device))
    model = AutoModelForSequenceClassification.from_pretrained(start)
    trainer = RewardTrainer(
        model=model,
        args=settings,
        train_dataset=Dataset.from_dict(columns),
        processing_class=made.reader.tokenizer,
    )
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    made.model.load_state_dict(model.state_dict())
    return {"seconds": seconds, "right": right_on_held_out(data, made)}


def ours(data: Data, config: TransformerConfig, *, shared: bool, meet: int) -> dict[str, Any]:
    """The same training here; without sharing, every side of every pair is its own sequence."""
    config = replace(config, pairs_per_group=meet)
    made = new_model(config, torch.device(config.device))
    n = len(data.train)
    first, second = data.chosen[data.train], data.rejected[data.train]
    sequences = data.sequences
    if not shared:
        sequences = [data.sequences[end] for end in np.concatenate([first, second])]
        first, second = np.arange(n), np.arange(n, 2 * n)
    none = torch.zeros(n)
    targets = Targets(
        label=torch.ones(n), tie=none, margin=none, weight=torch.ones(n), control=torch.zeros(n, 0)
    )
    dataset = PairDataset(sequences=sequences, first=first, second=second, targets=targets)
    task = PairTask(backbone=made.backbone, dataset=dataset, objective=Objective())
    processes, size = Processes.join(config.device), config.max_tokens_per_microbatch
    course = PairCourse(
        task=task,
        rows=np.arange(n),
        prompts=data.prompt[data.train],
        ids=[str(row) for row in data.train],
        config=config,
        validate=lambda: 0.0,
    )
    started = time.perf_counter()
    tune(
        Gradients(task=task, processes=processes, size=size),
        course,
        adamw(made.model, config.optim, fused=True),
        config.optim,
        seed=config.seed,
        checkpoints=None,
        report=lambda *_: None,
    )
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "right": right_on_held_out(data, made)}


def right_on_held_out(data: Data, made: Transformer) -> np.ndarray:
    """Of each held-out pair, whether the chosen side scores higher: (n,) of 0 and 1."""
    ends = np.stack([data.chosen[data.held_out], data.rejected[data.held_out]])
    rows, places = np.unique(ends, return_inverse=True)
    scores = score_tokens(made, [data.sequences[row] for row in rows], Processes.join("auto"))
    chosen, rejected = scores[places.reshape(ends.shape)]
    return np.asarray(chosen > rejected, float)


def ahead(data: Data, hits: np.ndarray, of_trl: np.ndarray) -> dict[str, Any]:
    """Accuracy, and by how much it is ahead of TRL's, with 95 % intervals over prompts."""
    clusters = np.unique(data.prompt[data.held_out], return_inverse=True)[1]
    rows = {"accuracy": hits, "ahead_of_trl": hits - of_trl}
    return with_intervals(
        lambda weights: {name: mean(values, weights) for name, values in rows.items()}, clusters
    )


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
