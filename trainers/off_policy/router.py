"""What an embedding would be worth as a router, from the decision log of a snapshot."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainers.data.comparisons import read_prompts
from trainers.data.snapshot import Snapshot
from trainers.embedding.score import Scorer
from trainers.off_policy.estimates import Estimates, estimates
from trainers.off_policy.log import Floats, Log, read_log
from trainers.off_policy.paired import decisions_table
from trainers.off_policy.terms import Terms, best_of, terms_of

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
KINDS = ("duels", "singles")


@dataclass(frozen=True, slots=True)
class Judged:
    """The decisions of one kind, and what each says of the router."""

    log: Log
    terms: Terms


def router_judged(
    scorer: Scorer, snapshot: Snapshot, encode: Encode, *, after: datetime | None = None
) -> dict[str, Judged]:
    """The router that serves the best of the considered models, on decisions it has not seen.

    Those are on prompts of the test split, or later than `after`, when the embedding was made. The
    embedding is the direct model too: it predicts rewards that it has not learnt from, so nothing
    needs to be fitted on the log, and exact propensities make up for what it gets wrong.
    """
    prompts = read_prompts(snapshot)
    logs = read_log(snapshot, split=prompts.split, after=after)
    return {
        kind: _judged(scorer, log, prompts.text, encode)
        for kind, log in zip(KINDS, logs, strict=True)
        if len(log)
    }


def router_metrics(judged: Mapping[str, Judged]) -> dict[str, Any]:
    """The estimates of each kind as metrics: `duels_dr`, `duels_dr_ci`, `duels_n` and so on."""
    metrics: dict[str, Any] = {}
    for kind, one in judged.items():
        found = estimates(one.terms, one.log.cluster)
        if found is not None:
            metrics |= {f"{kind}_{name}": value for name, value in _flat(found).items()}
    return metrics


def router_table(judged: Mapping[str, Judged]) -> pa.Table:
    """One row a decision, with its terms: what two routers are compared by."""
    return decisions_table([(one.log, one.terms) for one in judged.values()])


def _judged(scorer: Scorer, log: Log, text: Mapping[str, str], encode: Encode) -> Judged:
    logits = _logits(scorer, log, text, encode)
    return Judged(log, terms_of(log, best_of(log, logits), logits))


def _logits(scorer: Scorer, log: Log, text: Mapping[str, str], encode: Encode) -> Floats:
    """Logits (N,) of the considered models; of a new one, what is believed of it."""
    prompts = list(dict.fromkeys(log.prompt))
    number = {prompt: place for place, prompt in enumerate(prompts)}
    z = scorer.features(encode([text[prompt] for prompt in prompts]))
    models = list(dict.fromkeys(log.model))
    column = {model: place for place, model in enumerate(models)}
    scores = z @ scorer.means(models).T + scorer.offset
    rows = np.array([number[prompt] for prompt in log.prompt], np.int64)[log.row]
    logits: Floats = scores[rows, [column[model] for model in log.model]]
    return logits


def _flat(found: Estimates) -> dict[str, Any]:
    """JSON: an estimate that no decision supports is left out."""
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
