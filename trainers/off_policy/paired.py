"""Two routers evaluated on the same decisions; without torch, for the gate."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa

from trainers.arrays import Ints
from trainers.off_policy.estimates import FEWEST, doubly_robust, warnings_of
from trainers.off_policy.log import Log
from trainers.off_policy.terms import Terms
from trainers.statistics.intervals import Estimate, clustered_mean

COLUMNS = tuple(field.name for field in fields(Terms))


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The doubly robust values of two routers on n decisions that neither learnt from."""

    candidate: Estimate
    incumbent: Estimate
    difference: Estimate
    n: int
    warnings: tuple[str, ...]


def decisions_table(evaluations: Sequence[tuple[Log, Terms]]) -> pa.Table:
    """Return one row a decision: identifier, cluster, whether two answers were shown, the terms."""
    rows = [
        {
            "decision_id": list(log.decision),
            "cluster": log.cluster,
            "duel": log.second >= 0,
            **{name: getattr(terms, name) for name in COLUMNS},
        }
        for log, terms in evaluations
    ]
    schema = pa.schema(
        [("decision_id", pa.string()), ("cluster", pa.int64()), ("duel", pa.bool_())]
        + [(name, pa.float64()) for name in COLUMNS]
    )
    # With an empty table first, so that no decision at all is a table, too.
    return pa.concat_tables([schema.empty_table(), *(pa.table(row, schema) for row in rows)])


def compare_routers(candidate: pa.Table, incumbent: pa.Table) -> Paired | None:
    """Compare both on the pairs of both tables; None where those are too few to have an error.

    The error of the difference is that of the decisions' differences: where both routers serve the
    same model they do not differ, whatever it earned.
    """
    known = {name: row for row, name in enumerate(incumbent["decision_id"].to_pylist())}
    is_pair = candidate["duel"].to_pylist()
    names = candidate["decision_id"].to_pylist()
    rows = [row for row, name in enumerate(names) if is_pair[row] and name in known]
    # Every table numbers its people by itself: the candidate's numbers serve for both.
    cluster: Ints = candidate["cluster"].to_numpy()[rows]
    if len(rows) < FEWEST or len(np.unique(cluster)) < FEWEST:
        return None
    one, other = _terms(candidate, rows), _terms(incumbent, [known[names[row]] for row in rows])
    return Paired(
        candidate=doubly_robust(one, cluster),
        incumbent=doubly_robust(other, cluster),
        difference=clustered_mean(one.doubly_robust - other.doubly_robust, cluster),
        n=len(rows),
        warnings=tuple(dict.fromkeys(warnings_of(one, cluster) + warnings_of(other, cluster))),
    )


def _terms(table: pa.Table, rows: list[int]) -> Terms:
    """Return the terms of some rows of a table of decisions."""
    return Terms(**{name: table[name].to_numpy()[rows] for name in COLUMNS})
