"""The rules of the queue in plain Python: nothing is remembered but what happened."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

LEASE, UNDO = 900, 60  # seconds
HELD_AT_MOST = 3


@dataclass
class Wanted:
    """A task: a comparison that a campaign wants judged so often."""

    campaign: str
    comparison: Any
    wanted: int


@dataclass
class Hold:
    """One person's latest lease of one task, and how it ended."""

    token: str
    order: str
    ends: float
    state: str = "live"
    reason: str = ""


@dataclass(frozen=True)
class Judged:
    """A judgment as the pool keeps it."""

    person: Any
    comparison: Any
    choice: str
    token: str = ""  # of the lease; none: judged elsewhere
    at: float = 0.0
    state: str = "active"


@dataclass
class QueueModel:
    """What the queue must hold, after all that was done to it."""

    passed: int = 0  # seconds by which the past was moved further back
    overlaps: dict[str, int] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    tasks: dict[Any, Wanted] = field(default_factory=dict)
    withheld: set[Any] = field(default_factory=set)
    holds: dict[tuple[Any, Any], Hold] = field(default_factory=dict)  # as they were first taken
    judged: dict[str, Judged] = field(default_factory=dict)

    @property
    def now(self) -> float:
        """Seconds on a clock that goes on while the test works."""
        return self.passed + time.monotonic()

    # --- who holds what ---------------------------------------------------------------------------

    def count(self, task: Any, *states: str) -> int:
        """How many holds of a task are in one of these states."""
        return sum(of == task and hold.state in states for (_, of), hold in self.holds.items())

    def is_live(self, hold: Hold) -> bool:
        """Whether its lease still runs."""
        return hold.state == "live" and hold.ends > self.now

    def waiting(self, person: Any, campaigns: Collection[str]) -> list[Hold]:
        """What a person may go on with, the oldest first."""
        return [
            hold
            for (who, task), hold in self.holds.items()
            if who == person and self.is_live(hold) and self._is_handed_out(task, campaigns)
        ]

    def free(self, person: Any, campaigns: Collection[str]) -> set[Any]:
        """The tasks of which one may become this person's now."""
        if len(self.waiting(person, campaigns)) >= HELD_AT_MOST:
            return set()
        met = {
            self.tasks[task].comparison
            for (who, task), hold in self.holds.items()
            if who == person and hold.state != "expired"
        }
        met |= {one.comparison for one in self.judged.values() if self._counts_for(person, one)}
        return {
            task
            for task, of in self.tasks.items()
            if self._is_handed_out(task, campaigns)
            and of.comparison not in met
            and self.count(task, "live", "submitted") < of.wanted
        }

    def _is_handed_out(self, task: Any, campaigns: Collection[str]) -> bool:
        of = self.tasks[task]
        is_open = of.campaign in campaigns and self.states[of.campaign] == "open"
        return is_open and of.comparison not in self.withheld

    def _counts_for(self, person: Any, judged: Judged) -> bool:
        return judged.person == person and judged.state == "active"

    # --- what happens -----------------------------------------------------------------------------

    def take(self, person: Any, task: Any, token: str, order: str) -> None:
        """A lease begins; one that ran out keeps its place among the person's holds."""
        self.holds[person, task] = Hold(token, order, self.now + LEASE)

    def come_back(self, person: Any) -> None:
        """Who asks for a task first gives back what ran out in their hands, if they see any."""
        if any(
            self.tasks[task].comparison not in self.withheld and self._is_over(hold)
            for (who, task), hold in self.holds.items()
            if who == person
        ):
            self.end_leases(person)

    def end_leases(self, person: Any = None) -> None:
        """End what ran out, of one person or of all."""
        for (who, _), hold in self.holds.items():
            if person in (None, who) and self._is_over(hold):
                hold.state = "expired"

    def _is_over(self, hold: Hold) -> bool:
        return hold.state == "live" and not self.is_live(hold)

    def refusal(self, hold: Hold, token: str) -> str | None:
        """Why nothing can be done with a lease by this token; None: it can."""
        return None if hold.token == token and self.is_live(hold) else "lease_lost"

    def active(self, person: Any, comparison: Any) -> str | None:
        """The name of the judgment by this person that counts."""
        for name, judged in self.judged.items():
            if self._counts_for(person, judged) and judged.comparison == comparison:
                return name
        return None

    def judge(self, name: str, judged: Judged) -> None:
        """A judgment was acknowledged under this name."""
        assert name not in self.judged
        self.judged[name] = replace(judged, at=self.now)

    def leave(self, name: str, state: str) -> None:
        """A judgment does not count any more."""
        self.judged[name] = replace(self.judged[name], state=state)

    def age(self, name: str) -> float:
        """Seconds since a judgment."""
        return self.now - self.judged[name].at

    def set_overlap(self, campaign: str, overlap: int) -> None:
        """So many judgments of each task from now on; what is taken is not taken back."""
        if overlap == self.overlaps[campaign]:
            return
        self.overlaps[campaign] = overlap
        for task, of in self.tasks.items():
            if of.campaign == campaign:
                of.wanted = max(overlap, self.count(task, "live", "submitted"))
