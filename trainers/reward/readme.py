"""The model card of a reward artifact, as Markdown, from what stands in its card.json."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainers.reward.plots import calibration_svg

Card = Mapping[str, Any]

MEASURES = {
    "accuracy": "accuracy",
    "bradley_terry_accuracy": "accuracy of the same model under the plain Bradley–Terry loss",
    "baseline_length_accuracy": "accuracy of “the longer answer wins”",
    "baseline_majority_accuracy": "accuracy of “the side that usually wins”",
    "log_loss": "log-loss, nats",
    "ece": "expected calibration error, 10 bins",
}
LOADERS = {
    "frozen": "Load it with `trainers.reward.modes.load_judge(open_artifact(path))`, or score "
    "JSONL rows by `python -m trainers score`; the tensors are described in "
    "docs/algorithms/reward-models.md.",
    "lora": "The adapter loads with `peft.PeftModel.from_pretrained` over its base model.",
    "full": "It loads with `transformers.AutoModelForSequenceClassification.from_pretrained`.",
}


def write_about(
    folder: Path, card: Card, licence: object, quarantined: Sequence[Card] | None
) -> None:
    """README.md, the plot it shows, and what was quarantined."""
    (folder / "README.md").write_text(readme(card, licence), encoding="utf-8")
    (folder / "calibration.svg").write_text(
        calibration_svg(card["metrics"]["calibration"]), encoding="utf-8"
    )
    if quarantined is not None:
        lines = "".join(json.dumps(row) + "\n" for row in quarantined)
        (folder / "quarantine.jsonl").write_text(lines, encoding="utf-8")


def readme(card: Card, licence: object) -> str:
    """Data, metrics with intervals, calibration, bias, limits."""
    parts = (
        _front(card, licence),
        _data(card),
        _metrics(card["metrics"]),
        _calibration(card),
        _bias(card["bias"]),
        _limits(card),
    )
    return "\n".join(parts)


def _front(card: Card, licence: object) -> str:
    config, loss = card["config"], card["training"]["chosen_loss"].replace("_", " ")
    how = (
        "chosen on validation"
        if config["loss"]["type"] == "auto" and config["train_baseline"]
        else "given"
    )
    named = licence if isinstance(licence, list) else [licence]
    what = {"scalar": "a scalar reward", "attributes": "a reward by aspect", "gpm": "a vector"}
    return (
        "# Reward model\n\n"
        f"Mode **{config['mode']}**, {what[config.get('head', {}).get('kind', 'scalar')]}, {loss} loss "
        f"({how}), seed {card['seed']}. It says of an answer how much people would prefer it to "
        f"another answer to the same prompt: σ(score a − score b).\n\n{LOADERS[config['mode']]}\n\n"
        f"Licence of the judgments: {', '.join(map(str, named)) or 'none given'}.\n"
    )


def _data(card: Card) -> str:
    counts = card["training"]["comparisons"]
    rows = "".join(f"| {name.replace('_', ' ')} | {n} |\n" for name, n in counts.items())
    return (
        f"## Data\n\nSnapshot `{card['snapshot_digest']}`; no prompt of the test part is in "
        "another.\n\n"
        f"| comparisons | n |\n|---|---|\n{rows}"
    )


def _metrics(metrics: Card) -> str:
    rows = "".join(
        f"| {words} | {metrics[name]:.3f} | {_interval(metrics[name + '_ci'])} |\n"
        for name, words in MEASURES.items()
        if name in metrics
    )
    by = "prompts" if metrics["ci_by"] == "prompt" else "comparisons: too few prompts"
    return (
        f"## Held-out results\n\n{metrics['n']} decided comparisons of {metrics['n_prompts']} "
        f"prompts; 95 % intervals from resampling {by}.\n\n"
        f"| measure | value | 95 % |\n|---|---|---|\n{rows}"
    )


def _calibration(card: Card) -> str:
    found = card["calibration"]
    rows = "".join(
        f"| {row['confidence']:.2f} | {row['accuracy']:.2f} | "
        f"{_interval((row['low'], row['high']))} | {row['n']:g} |\n"
        for row in card["metrics"]["calibration"]
    )
    return (
        "## Calibration\n\n![Accuracy against confidence](calibration.svg)\n\n"
        f"Temperature {found['temperature']:.3g}, already in the weights; Davidson's tie parameter "
        f"{found['tie']:.3g}.\n\n| confidence | accuracy | 95 % | n |\n|---|---|---|---|\n{rows}"
    )


def _bias(bias: Card) -> str:
    rows = "".join(
        f"| {part}: {name.replace('_', ' ')} | {'–' if value is None else f'{value:.3f}'} |\n"
        for part in ("position", "length")
        for name, value in bias[part].items()
    )
    return f"## Bias\n\n| | |\n|---|---|\n{rows}"


def _limits(card: Card) -> str:
    lines = [
        "Only differences between answers to one prompt mean anything.",
        "It repeats what its raters preferred, their leanings included; see the bias above.",
    ]
    if card["metrics"]["n_prompts"] < FEW_PROMPTS:
        lines.append(f"Fewer than {FEW_PROMPTS} test prompts: these numbers are rough.")
    if card["config"]["mode"] == "frozen":
        lines.append(
            f"It reads the first {card['config']['features']['max_length']} tokens of a text."
        )
    if card["config"]["noise"]:
        lines.append("Comparisons set aside as doubtful are listed in quarantine.jsonl.")
    return "## Limits\n\n" + "".join(f"- {line}\n" for line in lines)


FEW_PROMPTS = 50


def _interval(ends: Any) -> str:
    return f"{ends[0]:.3f} to {ends[1]:.3f}"
