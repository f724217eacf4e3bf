"""What a snapshot says of models on prompts: outcomes and pairwise comparisons, numbered."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainers.arrays import Bools, Floats, Floats32, Ints
from trainers.data.comparisons import read_comparisons, read_prompts
from trainers.data.holdout import Holdout, hold_out
from trainers.data.snapshot import Snapshot
from trainers.encoding.encoder import Encoder
from trainers.errors import InputError

COMMON = 20  # training prompts that make a topic one to learn: fewer fit their own noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """`score` in [0, 1] of `model` on `prompt` (numbers), [n] each.

    What was not run has no row: missing is missing, never wrong.
    """

    prompt: Ints
    model: Ints
    score: Floats

    def on(self, prompts: Ints) -> "Outcomes":
        """Return the rows on some prompts."""
        return self.where(np.isin(self.prompt, prompts))

    def where(self, rows: Bools | Ints) -> "Outcomes":
        """Return the rows of a mask or of row numbers."""
        return Outcomes(prompt=self.prompt[rows], model=self.model[rows], score=self.score[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class PairwiseComparisons:
    """Preferences between two models on a prompt, [n] each.

    label   probability that model `first` is preferred to `second` on `prompt`; a tie is 1/2
    weight  mean weight of the judgments, in units of one judgment
    """

    prompt: Ints
    first: Ints
    second: Ints
    label: Floats
    weight: Floats

    def on(self, prompts: Ints) -> "PairwiseComparisons":
        """Return the rows on some prompts."""
        rows = np.isin(self.prompt, prompts)
        return PairwiseComparisons(
            prompt=self.prompt[rows],
            first=self.first[rows],
            second=self.second[rows],
            label=self.label[rows],
            weight=self.weight[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything observed, with prompts and models numbered; `holdout` divides the prompts.

    topics    of every prompt, where any are known
    families  the name under which each model is a version, where any are known
    """

    prompts: list[str]
    texts: list[str]
    models: list[str]
    outcomes: Outcomes
    comparisons: PairwiseComparisons
    holdout: Holdout
    topics: Sequence[Sequence[str]] = ()
    families: Sequence[str] = ()

    def family_numbers(self) -> Ints:
        """Return the number of every model's family, [M]; one of no known family is its own."""
        names = self.families or self.models
        return np.unique(np.array(names, str), return_inverse=True)[1].astype(np.int64)

    def topic_shares(self) -> Floats32:
        """Return each prompt's share of the common topics, [P, T]; zero where none is known.

        Only topics of at least COMMON training prompts count, and only where there are two: one
        topic tells nothing apart.
        """
        # No topics at all means no list of them: one empty set for each prompt.
        known = [set(topics) for topics in self.topics] or [set()] * len(self.prompts)
        often = Counter(topic for row in self.holdout.train for topic in known[row])
        names = sorted(name for name, times in often.items() if times >= COMMON)
        if len(names) < 2:
            return np.zeros((len(self.prompts), 0), np.float32)
        found = np.array([[name in topics for name in names] for topics in known], np.float32)
        # Several topics share a prompt equally; at least 1, so that none at all stays zero.
        return np.asarray(found / np.maximum(found.sum(1, keepdims=True), 1.0), np.float32)

    def vectors(
        self, encoder: Encoder, report: Callable[[int, int], None] | None = None
    ) -> Floats32:
        """Return unit vectors of the prompts, [P, d].

        A prompt without text, of imported votes, gets the mean vector of the training prompts: its
        comparisons then inform how good a model is on the whole. Raises InputError where an
        encoder's vectors are not numbers.
        """
        vectors = encoder.encode(self.texts, report)
        if len(broken := np.flatnonzero(~np.isfinite(vectors).all(1))):
            names = f"prompt {self.prompts[broken[0]]} and {len(broken) - 1} others"
            raise InputError(f"encoder {encoder.name}: the vectors of {names} are not numbers")
        has_text = np.array([bool(text) for text in self.texts])
        known = self.holdout.train[has_text[self.holdout.train]]
        # In place: the encoder gave a copy.
        vectors[~has_text] = vectors[known].mean(0) if len(known) else 0.0
        return vectors


def read_evidence(snapshot: Snapshot) -> Evidence:
    """Return the outcomes and the comparisons of known models, numbered.

    Prompts without either are left out. Names are sorted before they are numbered, so that the
    same content gives the same numbers whatever order it was exported in. Raises InputError where
    there are fewer than two models, or a split holds nothing.
    """
    found = read_prompts(snapshot)
    table = known_outcomes(snapshot)
    pairs = read_comparisons(snapshot)
    pairs = pairs.where(pairs.between_models)

    prompts = sorted({*pc.unique(table["prompt_id"]).to_pylist(), *pairs.prompt_id})
    models = sorted({*pc.unique(table["model"]).to_pylist(), *pairs.model_a, *pairs.model_b})
    if len(models) < 2:
        raise InputError(f"{snapshot.path}: an embedding needs evidence of at least two models")
    number, known = _numbering(prompts), _numbering(models)
    family = _column(snapshot, "models", "model", "name")
    topics = _column(snapshot, "prompts", "prompt_id", "topics")
    return Evidence(
        prompts=prompts,
        texts=[found.text[prompt] for prompt in prompts],
        models=models,
        outcomes=Outcomes(
            prompt=number(table["prompt_id"]),
            model=known(table["model"]),
            score=table["score"].to_numpy().astype(np.float64),
        ),
        comparisons=PairwiseComparisons(
            prompt=number(pa.array(pairs.prompt_id, pa.string())),
            first=known(pa.array(pairs.model_a, pa.string())),
            second=known(pa.array(pairs.model_b, pa.string())),
            label=pairs.label,
            weight=pairs.weight,
        ),
        holdout=hold_out(prompts, found.split, "outcome or comparison of known models"),
        topics=[topics[prompt] or () for prompt in prompts],
        families=[family.get(model) or model for model in models],
    )


def _column(snapshot: Snapshot, table: str, key: str, column: str) -> dict[str, Any]:
    """Return a column of a table by its key."""
    found = snapshot.table(table, [key, column])
    return dict(zip(found[key].to_pylist(), found[column].to_pylist(), strict=True))


def known_outcomes(snapshot: Snapshot) -> pa.Table:
    """Return the rows with a score, in the order of `Evidence.outcomes`.

    Raises InputError, with the row, for a score outside [0, 1]. Arrow keeps them: as Python
    objects four million outcomes would be gigabytes.
    """
    table = snapshot.table("outcomes")
    # A missing score is left out below; here it must only not count as a wrong one.
    score = pc.fill_null(table["score"], 0.0).to_numpy()
    # Negated, so that NaN, which is in no range, is found too.
    if len(wrong := np.flatnonzero(~((score >= 0.0) & (score <= 1.0)))):
        path, row = snapshot.path / "outcomes.parquet", int(wrong[0])
        raise InputError.at(path, f"{score[row]} is not in [0, 1]", row=row + 1, column="score")
    return table.filter(pc.is_valid(table["score"]))


def _numbering(names: list[str]) -> Callable[[pa.Array | pa.ChunkedArray], Ints]:
    """Return the function from a column of names to their positions in `names`, [n]."""
    known = pa.array(names, pa.string())
    return lambda chosen: pc.index_in(chosen, value_set=known).to_numpy().astype(np.int64)
