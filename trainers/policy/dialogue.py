"""Prompts and answers as tokens of a window, for a policy."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from trainers.chat import Chat, Cuts

# Of an over-long pair, the prompt keeps at least this share of the window.
PROMPT_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Dialogue(Chat):
    """Tokenises prompts and answers for one tokenizer and one window of `max_length` tokens."""

    max_length: int
    cuts: Cuts = field(default_factory=Cuts)

    def fit(
        self, prompt: list[int], answers: Sequence[list[int]]
    ) -> tuple[list[int], list[list[int]]]:
        """Return both cut to the window: the prompt on its left first, then answers on their right.

        All answers see the same prompt. A cut answer loses its end-of-sequence token, because
        that is not where it ended.
        """
        # At least one token of the prompt: the answer's first token is predicted from it.
        kept = min(len(prompt), max(1, int(self.max_length * PROMPT_SHARE)))
        room = self.max_length - kept
        self.cuts.answers += sum(len(answer) > room for answer in answers)
        fitted = [answer[:room] for answer in answers]
        # By the longest answer, so that all see the same prompt. At least `kept`, hence never 0,
        # for which prompt[-0:] would be the whole prompt.
        left = self.max_length - max(map(len, fitted))
        self.cuts.prompts += len(prompt) > left
        return prompt[-left:], fitted
