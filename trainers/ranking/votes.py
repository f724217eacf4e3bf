"""A snapshot's judgments compacted to vote counts: by pair and outcome, and by style beside."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainers.arrays import Floats
from trainers.data.snapshot import Snapshot
from trainers.data.style import FEATURES, relative_difference, style_counts
from trainers.errors import InputError
from trainers.ranking.config import RankingConfig
from trainers.ranking.counts import PairCounts
from trainers.ranking.styled_counts import MOMENTS, StyledCounts, cells, moments

CELL = ["model_a", "model_b", "choice"]
NO_TEXTS = -1  # the cell of votes whose texts are not known
SUMS: list[Any] = [([], "count_all"), ("weight", "sum"), ("square", "sum")]


def read_counts(snapshot: Snapshot, config: RankingConfig) -> PairCounts:
    """Return the snapshot's judgments between two known models, by pair and outcome.

    Raises InputError where there is none.
    """
    found = read_votes(snapshot, config).group_by(CELL).aggregate(SUMS)
    counts = PairCounts.from_weighted(_rows(found, CELL))
    if not counts.models:
        kind = "" if config.rater_kind == "any" else f" by {config.rater_kind} raters"
        message = f"holds no judgment{kind} between two named models"
        raise InputError.at(snapshot.path / "preferences.parquet", message)
    return counts


def read_styled(snapshot: Snapshot, config: RankingConfig) -> StyledCounts:
    """Return the same judgments by style too; of those without texts nothing is known, f = 0."""
    votes = read_votes(snapshot, config)
    texts = snapshot.table("responses", ["response_id", "text"])
    keys = pc.index_in(votes["response_a"], texts["response_id"])
    others = pc.index_in(votes["response_b"], texts["response_id"])
    known = np.asarray(pc.and_(keys.is_valid(), others.is_valid()))
    styles = _styles(texts, keys.filter(known), others.filter(known))
    f = np.zeros((len(votes), len(FEATURES)))
    f[known] = relative_difference(*styles)
    # Weighted, so that a row keeps the means and covariances of its votes as they count.
    sums = moments(f) * votes["weight"].to_numpy()[:, None]
    names = [f"moment_{number}" for number in range(MOMENTS)]
    cell = np.where(known, cells(f), NO_TEXTS)
    for name, column in zip(["cell", *names], [cell, *sums.T], strict=True):
        votes = votes.append_column(name, pa.array(column))
    found = votes.group_by([*CELL, "cell"]).aggregate([*SUMS, *((name, "sum") for name in names)])
    added = np.column_stack([found[f"{name}_sum"].to_numpy() for name in names])
    rows = ((*row, sums) for row, sums in zip(_rows(found, CELL), added, strict=True))
    return StyledCounts.from_rows(rows, int(known.sum()))


def read_votes(snapshot: Snapshot, config: RankingConfig) -> pa.Table:
    """Return one row a judgment between two known models, with its weight and its square.

    The weight's square is summed beside the weight: the sandwich needs Σ w², which the sum of the
    weights does not tell.
    """
    columns = [*CELL, "rater_kind", "weight", "response_a", "response_b"]
    votes = snapshot.table("preferences", columns)
    named = pc.and_(votes["model_a"].is_valid(), votes["model_b"].is_valid())
    votes = votes.filter(pc.and_(named, votes["weight"].is_valid()))
    if config.rater_kind != "any":
        votes = votes.filter(pc.equal(votes["rater_kind"], config.rater_kind))
    return votes.append_column("square", pc.multiply(votes["weight"], votes["weight"]))


def _rows(found: pa.Table, keys: list[str]) -> Any:
    """Yield (model_a, model_b, choice, n, sum of weights, sum of squares) of each group."""
    names = (*keys, "count_all", "weight_sum", "square_sum")
    return zip(*(found[name].to_pylist() for name in names), strict=True)


def _styles(texts: pa.Table, keys: Any, others: Any) -> tuple[Floats, Floats]:
    """Return the style counts of the answers at two lists of rows, [n, 4] each.

    Each text is read once, however many votes are on it.
    """
    rows = np.concatenate([np.asarray(keys), np.asarray(others)]).astype(np.int64)
    wanted, back = np.unique(rows, return_inverse=True)
    column = texts["text"].take(pa.array(wanted))
    found = np.array([style_counts(text.as_py() or "") for text in column], dtype=np.float64)
    both = found.reshape(-1, len(FEATURES))[back]
    return both[: len(keys)], both[len(keys) :]
