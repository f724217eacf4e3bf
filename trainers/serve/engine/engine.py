"""The engine: one thread that owns a base checkpoint and writes all answers on it together."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from accelerate.utils.memory import should_reduce_batch_size

from trainers.generation.rows import CacheShape, Row
from trainers.generation.sampling import Draws
from trainers.generation.step import READING, step
from trainers.generation.text import AnswerText
from trainers.serve.engine.adapters import Adapter, AdapterStack
from trainers.serve.engine.base import ServedBase
from trainers.serve.engine.requests import Asked, EngineError, Finish, OverloadedError, TextPiece
from trainers.serve.engine.room import MAX_WAITING, Room

logger = logging.getLogger(__name__)

LONGEST_WAIT = 60  # seconds that a client is asked to wait before it tries again
LATEST = 0.1  # weight of the latest step in the mean
FAILED = "the model failed on this answer"
NO_MEMORY = "there was not enough memory for this answer; ask again later, or for a shorter one"
STOPPED = "the server is stopping"

# What a step gives: the answers that wrote, with their new tokens.
Written = list[tuple["Writing", int]]


@dataclass(eq=False, slots=True, kw_only=True)
class Writing:
    """An answer that is being written."""

    asked: Asked
    row: Row
    text: AnswerText

    @property
    def steps_left(self) -> float:
        """Return how many steps it takes at most, if its prompt were read alone."""
        return self.row.unread / READING + self.asked.tokens - len(self.row.tokens)


class Engine:
    """Writes answers on one base: they join, advance and leave between two forward passes.

    Its thread runs while there is something to write, and after that until `close`: who still
    holds a closed engine is answered, too.
    """

    def __init__(self, base: ServedBase) -> None:
        self.base = base
        self._shape = CacheShape.of(base.model)
        self._room = Room(self._shape)
        self._stack = AdapterStack(base.model)
        self._held: tuple[Adapter, ...] = ()
        self._changed = threading.Condition()  # guards what stands below it
        self._waiting: deque[Asked] = deque()
        self._writing: Sequence[Writing] = ()  # replaced, never changed: other threads read it
        self._thread: threading.Thread | None = None
        self._is_closed = self._is_stopped = False
        self._step_seconds = 0.0

    @property
    def load(self) -> dict[str, int]:
        """Return how many answers are being written, and how many wait."""
        return {"writing": len(self._writing), "waiting": len(self._waiting)}

    def hold(self, adapters: Iterable[Adapter]) -> None:
        """Keep these adapters ready from the next step on; others go once no answer needs them."""
        self._held = tuple(adapters)

    def submit(self, asked: Asked) -> None:
        """Queue an answer; raises OverloadedError where too many wait already."""
        with self._changed:
            if self._is_stopped or len(self._waiting) >= MAX_WAITING:
                raise OverloadedError(self._seconds_to_a_place())
            self._waiting.append(asked)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Let the thread end as soon as nothing is left to write."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def stop(self) -> None:
        """End every answer after the step under way, with an error."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()

    def _seconds_to_a_place(self) -> int:
        """Return by when an answer has ended at the latest, by the measured pace."""
        steps = min((each.steps_left for each in self._writing), default=1.0)
        return min(LONGEST_WAIT, max(1, math.ceil(steps * self._step_seconds)))

    def _run(self) -> None:
        """Write until there is nothing left and the engine is closed, or until it is stopped."""
        while self._has_work():
            try:
                self._admit()
                self._advance()
            except Exception:  # of ours: whoever waits must hear of it, and others be answered
                logger.exception("the engine failed between two steps")
                for each in self._writing:
                    self._fail(each, FAILED)

    def _has_work(self) -> bool:
        """Wait for something to do; return False when the thread is to end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._writing or self._waiting or self._is_closed or self._is_stopped
            )
            if not self._is_stopped and (self._writing or self._waiting):
                return True
            left = [*(each.asked for each in self._writing), *self._waiting]
            self._writing = ()
            self._waiting.clear()
            self._thread = None
        for asked in left:
            asked.tell(EngineError(STOPPED))
        return False

    def _admit(self) -> None:
        """Let go of answers that nobody waits for; begin those that there is room for, in turn."""
        self._writing = [each for each in self._writing if not each.asked.is_left]
        while self._waiting:
            asked = self._waiting[0]
            if not asked.is_left:
                if not self._room.has_place(asked, [each.row for each in self._writing]):
                    return
                self._begin(asked)
            with self._changed:
                self._waiting.popleft()

    def _begin(self, asked: Asked) -> None:
        """Take memory for an answer, and let it join the next step."""
        try:
            row = Row.begin(self._shape, asked.prompt, Draws(asked.sampling), asked.adapter)
        except (RuntimeError, MemoryError):
            logger.exception("no memory for %d tokens", asked.tokens)
            asked.tell(EngineError(NO_MEMORY))
            return
        text = AnswerText(self.base.chat, asked.stops)
        self._writing = [*self._writing, Writing(asked=asked, row=row, text=text)]

    def _advance(self) -> None:
        """Make one step, and hand out what was written."""
        if not self._writing:
            return
        began = time.monotonic()
        needed = (each.asked.adapter for each in self._writing)
        self._stack.hold([*self._held, *(adapter for adapter in needed if adapter)])
        for each, token in self._step():
            try:
                self._hand_out(each, token)
            except Exception:
                logger.exception("an answer could not be handed out")
                self._fail(each, FAILED)
        self._step_seconds += LATEST * (time.monotonic() - began - self._step_seconds)

    def _step(self) -> Written:
        """Return what one step wrote; an answer on which it fails is ended, the others go on."""
        try:
            return self._forward(self._writing)
        except (RuntimeError, MemoryError) as error:
            # torch's own errors of memory are RuntimeErrors, told apart by their texts.
            if isinstance(error, MemoryError) or should_reduce_batch_size(error):
                logger.warning("out of memory: the newest answer is ended (%s)", error)
                self._fail(self._writing[-1], NO_MEMORY)
                return []  # the others make this step next
            logger.exception("a step failed")
        except Exception:
            logger.exception("a step failed")
        return self._step_apart()

    def _step_apart(self) -> Written:
        """Return what a step wrote, answer by answer, to end the one on which it fails."""
        found: Written = []
        for each in self._writing:
            try:
                found += self._forward([each])
            except Exception:
                self._fail(each, FAILED)
        return found

    def _forward(self, writing: Sequence[Writing]) -> Written:
        """Return the answers that wrote in one forward pass, with their new tokens."""
        of_row = {each.row: each for each in writing}
        written = step(self.base.model, list(of_row), before=self._stack.choose)
        return [(of_row[row], token) for row, token in written]

    def _hand_out(self, each: Writing, token: int) -> None:
        """Tell who asked what a token adds to the text; free the place where it is the last."""
        finish: Finish | None = None
        text = ""
        if token in self.base.ends:
            finish = "stop"
        else:
            text = each.text.push(token)
            if each.text.is_stopped:
                finish = "stop"
            elif each.text.tokens == each.asked.sampling.max_tokens:
                finish = "length"
        if finish:
            text += each.text.end()
            # What was held back may hold a stop text at its very end.
            finish = "stop" if each.text.is_stopped else finish
            self._remove(each)
        if text or finish:
            each.asked.tell(TextPiece(text=text, tokens=each.text.tokens, finish=finish))

    def _fail(self, each: Writing, message: str) -> None:
        """End an answer with an error, and free its place."""
        self._remove(each)
        each.asked.tell(EngineError(message))

    def _remove(self, gone: Writing) -> None:
        self._writing = [each for each in self._writing if each is not gone]
