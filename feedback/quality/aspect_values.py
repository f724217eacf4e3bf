"""What judgments say of aspects, one row an aspect of a judgment: most judgments say nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trainers.arrays import Bools, Indices


@dataclass(frozen=True, slots=True, kw_only=True)
class AspectValues:
    """judgment, name, value: (rows,), positions in the judgments, in names, in the choices."""

    names: Sequence[str]
    judgment: Indices
    name: Indices
    value: Indices

    def of(self, name: str) -> tuple[Indices, Indices]:
        """Return which judgments say something of an aspect, and what."""
        if name not in self.names:
            return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
        rows = self.name == self.names.index(name)
        return self.judgment[rows], self.value[rows]

    def where(self, kept: Bools) -> "AspectValues":
        """Return the rows of some judgments; kept: (judgments,), which."""
        moved = np.cumsum(kept) - 1
        rows = kept[self.judgment]
        return AspectValues(
            names=self.names,
            judgment=moved[self.judgment[rows]],
            name=self.name[rows],
            value=self.value[rows],
        )


class AspectCollector:
    """Gather the rows while judgments are read; `choices` numbers what can be said."""

    def __init__(self, choices: Mapping[str, int]) -> None:
        self.choices = choices
        self.names: dict[str, int] = {}
        self.rows: list[tuple[int, int, int]] = []

    def add(self, aspects: Sequence[str | None], *, first: int) -> None:
        """Take the aspects, as JSON, of the judgments from position `first` on."""
        for judgment, text in enumerate(aspects, first):
            if text is None:
                continue
            for name, said in json.loads(text).items():
                if isinstance(said, str) and said in self.choices:  # sources say other things, too
                    number = self.names.setdefault(name, len(self.names))
                    self.rows.append((judgment, number, self.choices[said]))

    def values(self) -> AspectValues:
        """Return all that was gathered."""
        judgment, name, value = np.array(self.rows, dtype=np.intp).reshape(-1, 3).T
        return AspectValues(names=list(self.names), judgment=judgment, name=name, value=value)
