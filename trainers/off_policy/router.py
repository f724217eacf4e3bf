"""What an embedding would be worth as a router, from the decision log of a snapshot."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from trainers.arrays import Floats, Floats32
from trainers.data.comparisons import read_prompts
from trainers.data.snapshot import Snapshot
from trainers.model_vectors.scorer import Scorer
from trainers.off_policy.estimates import Estimates, estimates
from trainers.off_policy.log import Log, read_log
from trainers.off_policy.paired import decisions_table
from trainers.off_policy.terms import Terms, best_of, terms_of

Encode = Callable[[Sequence[str]], Floats32]
KINDS = ("duels", "singles")  # as metrics are named: two answers shown, or one


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterEvaluation:
    """The decisions of one kind, and what each says of the router."""

    log: Log
    terms: Terms


def evaluate_router(
    scorer: Scorer, snapshot: Snapshot, encode: Encode, *, after: datetime | None = None
) -> dict[str, RouterEvaluation]:
    """Evaluate the router that serves the best of the considered models on unseen decisions.

    Those are on prompts of the test split, or later than `after`, when the embedding was made. The
    embedding is the direct model too: it predicts rewards that it has not learnt from, so nothing
    needs to be fitted on the log, and exact propensities make up for what it gets wrong.
    """
    prompts = read_prompts(snapshot)
    logs = read_log(snapshot, split=prompts.split, after=after)
    return {
        kind: _evaluation(scorer, log, prompts.text, encode)
        for kind, log in zip(KINDS, logs, strict=True)
        if len(log)
    }


def router_metrics(evaluations: Mapping[str, RouterEvaluation]) -> dict[str, Any]:
    """Return the estimates of each kind by metric: `duels_dr`, `duels_dr_ci`, `duels_n` …"""
    metrics: dict[str, Any] = {}
    for kind, one in evaluations.items():
        found = estimates(one.terms, one.log.cluster)
        if found is not None:
            metrics |= {f"{kind}_{name}": value for name, value in _flat(found).items()}
    return metrics


def router_table(evaluations: Mapping[str, RouterEvaluation]) -> pa.Table:
    """Return one row a decision, with its terms: what two routers are compared by."""
    return decisions_table([(one.log, one.terms) for one in evaluations.values()])


def _evaluation(
    scorer: Scorer, log: Log, text: Mapping[str, str], encode: Encode
) -> RouterEvaluation:
    """Return the terms of the scorer as a router on a log."""
    logits = _logits(scorer, log, text, encode)
    return RouterEvaluation(log=log, terms=terms_of(log, best_of(log, logits), logits))


def _logits(scorer: Scorer, log: Log, text: Mapping[str, str], encode: Encode) -> Floats:
    """Return logits [N] of the considered models; a new one has its prior's mean."""
    prompts = list(dict.fromkeys(log.prompt))
    # Each prompt is encoded once, however many decisions were made on it.
    number = {prompt: row for row, prompt in enumerate(prompts)}
    z = scorer.features(encode([text[prompt] for prompt in prompts]))  # [prompts, k]
    models = list(dict.fromkeys(log.model))
    column = {model: index for index, model in enumerate(models)}
    scores = z @ scorer.means(models).T + scorer.offset  # [prompts, models]
    # [n] by decision, then [N]: every considered model has its decision's prompt.
    rows = np.array([number[prompt] for prompt in log.prompt], np.int64)[log.row]
    logits: Floats = scores[rows, [column[model] for model in log.model]]
    return logits


def _flat(found: Estimates) -> dict[str, Any]:
    """Return the estimates as JSON values; one that no decision supports is left out."""
    values: dict[str, Any] = {
        "n": found.n,
        "effective_n": found.effective_n,
        "max_weight": found.max_weight,
        "warnings": list(found.warnings),
    }
    for name in ("ips", "snips", "dr"):
        estimate = getattr(found, name)
        if np.isfinite(estimate.value):
            values |= {name: estimate.value, f"{name}_ci": list(estimate.interval)}
    return values
