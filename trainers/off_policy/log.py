"""The decisions of a snapshot as arrays: models considered, models shown, and their rewards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from trainers.arrays import Floats, Ints
from trainers.data.snapshot import Snapshot
from trainers.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """n decisions with a reward, all of two answers or all of one; N considered models in all.

    decision    their identifiers, [n]
    prompt      the identifiers of their prompts, [n]
    cluster     who decided, [n]: rows of one person are not independent evidence
    starts      where each decision's considered models begin among the N, [n + 1]
    model       names of the considered models, [N]
    propensity  of each to be among those shown, [N]
    first       index among the N of the model shown first, [n]
    second      of the model shown second, -1 for a single answer, [n]
    pair        propensity of exactly these models in this order, [n]
    reward      of the model shown first, in [0, 1]; of the second it is one minus that, [n]
    """

    decision: Sequence[str]
    prompt: Sequence[str]
    cluster: Ints
    starts: Ints
    model: Sequence[str]
    propensity: Floats
    first: Ints
    second: Ints
    pair: Floats
    reward: Floats

    def __len__(self) -> int:
        return len(self.decision)

    @property
    def row(self) -> Ints:
        """Return the decision of each of the considered models, [N]."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))


def read_log(
    snapshot: Snapshot, *, split: dict[str, str], after: datetime | None = None
) -> tuple[Log, Log]:
    """Return the judged pairs, and the single answers with a thumb, that an artifact has not seen.

    split: of each prompt by its id. Unseen are the decisions on prompts of the test split, and,
    where `after` is given, every one that was taken later than that. Raises InputError for a
    decision whose columns contradict each other: a wrong propensity would bias every estimate
    without a trace.
    """
    rows = [
        row
        for row in snapshot.table("decisions").to_pylist()
        if row["rewards"] is not None  # null: nobody judged it
        and (split.get(row["prompt_id"]) == "test" or (after and row["created_at"] > after))
    ]
    path = snapshot.path / "decisions.parquet"
    for row in rows:
        if (wrong := _wrong(row)) is not None:
            raise InputError.at(path, f"decision {row['decision_id']}: {wrong}")
    return _log(rows, shown=2), _log(rows, shown=1)


def _wrong(row: dict[str, Any]) -> str | None:
    """Return why a decision cannot be used, or None."""
    considered, chances = row["models"], row["propensities"]
    if len(considered) != len(chances) or len(set(considered)) != len(considered):
        return "models and propensities do not belong together"
    if len(row["rewards"]) != len(row["chosen"]) or not set(row["chosen"]) <= set(considered):
        return "what was chosen was not considered"
    if not 0.0 < row["pair_propensity"] <= 1.0 or not all(0.0 <= p <= 1.0 for p in chances):
        return "a propensity is not in (0, 1]"
    if not all(0.0 <= reward <= 1.0 for reward in row["rewards"]):
        return "a reward is not in [0, 1]"
    # The second reward is one minus the first, but for rounding.
    if len(row["rewards"]) == 2 and abs(sum(row["rewards"]) - 1.0) > 1e-9:
        return "the rewards of a duel do not sum to one"
    return None


def _log(rows: list[dict[str, Any]], *, shown: int) -> Log:
    """Return the decisions that showed so many answers as arrays."""
    taken = [row for row in rows if len(row["chosen"]) == shown]
    starts = np.cumsum([0, *(len(row["models"]) for row in taken)])
    # Not strict: `starts` has one entry more than there are decisions.
    chosen = [
        [start + row["models"].index(model) for model in row["chosen"]]
        for start, row in zip(starts, taken, strict=False)
    ]
    # A decision without a known person is a cluster with those on the same prompt.
    people = [row["rater"] or row["prompt_id"] for row in taken]
    numbers = {person: number for number, person in enumerate(dict.fromkeys(people))}
    return Log(
        decision=[row["decision_id"] for row in taken],
        prompt=[row["prompt_id"] for row in taken],
        cluster=np.array([numbers[person] for person in people], np.int64),
        starts=starts.astype(np.int64),
        model=[model for row in taken for model in row["models"]],
        propensity=np.array([p for row in taken for p in row["propensities"]], np.float64),
        first=np.array([models[0] for models in chosen], np.int64),
        second=np.array([models[1] if shown == 2 else -1 for models in chosen], np.int64),
        pair=np.array([row["pair_propensity"] for row in taken], np.float64),
        reward=np.array([row["rewards"][0] for row in taken], np.float64),
    )
