"""Prompts and answers as tokens of a window, for a policy."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from trainers.chat import Chat, Cuts
from trainers.data.texts import Conversation

# Of an over-long pair, the prompt keeps at least this share of the window.
PROMPT_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Dialogue(Chat):
    """Tokenises prompts and answers for one tokenizer and one window of `max_length` tokens.

    `system_prompt` goes before conversations that have no system message.
    """

    max_length: int
    system_prompt: str | None = None
    cuts: Cuts = field(default_factory=Cuts)

    def prompt_ids(self, messages: Conversation) -> list[int]:
        """Return the tokens of a conversation up to where the assistant's next answer begins."""
        if self.system_prompt is not None and all(m["role"] != "system" for m in messages):
            messages = [{"role": "system", "content": self.system_prompt}, *messages]
        # By name: `super()` does not know a class that `slots` has made anew.
        return Chat.prompt_ids(self, messages)

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
