"""The model card of a reward artifact: Markdown and a plot, from what stands in its card.json."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Card = Mapping[str, Any]
Bins = Sequence[Mapping[str, float]]

FEW_PROMPTS = 50
SIDE, MARGIN = 240.0, 40.0  # pixels of the plot and around it

MEASURES = {
    "accuracy": "accuracy",
    "bradley_terry_accuracy": "accuracy of the same model under the plain Bradley–Terry loss",
    "baseline_length_accuracy": "accuracy of “the longer answer wins”",
    "baseline_majority_accuracy": "accuracy of “the side that usually wins”",
    "log_loss": "log-loss, nats",
    "ece": "expected calibration error, 10 bins",
}
LOADERS = {
    "frozen": "Load it with `trainers.reward.modes.load_model(open_artifact(path))`, or score "
    "JSONL rows by `python -m trainers score`; the tensors are described in "
    "docs/algorithms/reward-models.md.",
    "lora": "The adapter loads with `peft.PeftModel.from_pretrained` over its base model.",
    "full": "It loads with `transformers.AutoModelForSequenceClassification.from_pretrained`.",
}


def write_about(
    folder: Path, card: Card, licence: object, quarantined: Sequence[Card] | None
) -> None:
    """Write README.md, the plot it shows, and what was quarantined."""
    (folder / "README.md").write_text(readme(card, licence), encoding="utf-8")
    (folder / "calibration.svg").write_text(
        calibration_svg(card["metrics"]["calibration"]), encoding="utf-8"
    )
    if quarantined is not None:
        lines = "".join(json.dumps(row) + "\n" for row in quarantined)
        (folder / "quarantine.jsonl").write_text(lines, encoding="utf-8")


def readme(card: Card, licence: object) -> str:
    """Return the card: data, metrics with intervals, calibration, bias, limits."""
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
    tried = config["loss"]["type"] == "auto" and config["train_baseline"]
    how = "chosen on validation" if tried else "given"
    kind = config["head"]["kind"] if config["mode"] == "frozen" else "scalar"
    named = licence if isinstance(licence, list) else [licence]
    what = {"scalar": "a scalar reward", "attributes": "a reward by aspect", "gpm": "a vector"}
    return (
        "# Reward model\n\n"
        f"Mode **{config['mode']}**, {what[kind]}, {loss} loss "
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
        tokens = card["config"]["features"]["max_length"]
        lines.append(f"It reads the first {tokens} tokens of a text.")
    if card["config"]["noise"]:
        lines.append("Comparisons set aside as doubtful are listed in quarantine.jsonl.")
    return "## Limits\n\n" + "".join(f"- {line}\n" for line in lines)


def _interval(ends: Any) -> str:
    return f"{ends[0]:.3f} to {ends[1]:.3f}"


def calibration_svg(bins: Bins) -> str:
    """Draw how often the favoured side won, with its 95 % interval, by how sure the model was."""
    marks = "".join(_mark(row) for row in bins)
    ticks = "".join(_tick(value) for value in (0.5, 0.75, 1.0))
    low, high = _place(0.5), _place(1.0)
    size = SIDE + 2 * MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size:g} {size:g}" '
        f'width="{size:g}" height="{size:g}" font-family="sans-serif" font-size="10" role="img">'
        "<title>Calibration: accuracy against confidence</title>"
        f'<rect width="{size:g}" height="{size:g}" fill="#ffffff"/>'
        f'<line x1="{low:g}" y1="{size - low:g}" x2="{high:g}" y2="{size - high:g}" '
        f'stroke="#888888" stroke-dasharray="4 4"/>{ticks}{marks}'
        f'<text x="{size / 2:g}" y="{size - 8:g}" text-anchor="middle">confidence</text>'
        f'<text x="12" y="{size / 2:g}" text-anchor="middle" '
        f'transform="rotate(-90 12 {size / 2:g})">accuracy</text></svg>\n'
    )


def _mark(row: Mapping[str, float]) -> str:
    x, size = _place(row["confidence"]), SIDE + 2 * MARGIN
    # SVG counts y downwards.
    y, low, high = (size - _place(row[name]) for name in ("accuracy", "low", "high"))
    return (
        f'<line x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}" stroke="#2f6f9f"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="#2f6f9f">'
        f"<title>{row['n']:g} comparisons</title></circle>"
    )


def _tick(value: float) -> str:
    place, size = _place(value), SIDE + 2 * MARGIN
    return (
        f'<text x="{place:g}" y="{size - MARGIN + 14:g}" text-anchor="middle">{value:g}</text>'
        f'<text x="{MARGIN - 6:g}" y="{size - place + 3:g}" text-anchor="end">{value:g}</text>'
    )


def _place(value: float) -> float:
    """Return pixels of a share from the lower left corner; below one half it is at the edge."""
    return MARGIN + SIDE * (max(0.45, value) - 0.45) / 0.55
