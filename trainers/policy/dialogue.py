"""How a conversation becomes tokens: the tokenizer's chat template, or a plain format.

The plain format, for a base model without a template, is one paragraph a message and an open
last line:

    User: How do I boil an egg?

    Assistant: Eight minutes in boiling water.

An answer is tokenised apart from its prompt and ends with the end-of-sequence token, so that the
boundary between them never moves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2.exceptions import TemplateError

from trainers.data.texts import plain_prompt
from trainers.errors import InputError

Conversation = Sequence[Mapping[str, str]]  # messages: role and content

# Of an over-long pair, the prompt keeps at least this share of the window.
PROMPT_SHARE = 0.25


@dataclass(slots=True)
class Cuts:
    """How many prompts and answers were longer than the window and lost a part."""

    prompts: int = 0
    answers: int = 0


@dataclass(slots=True)
class Dialogue:
    """Tokenises prompts and answers for one tokenizer and one window of `max_length` tokens."""

    tokenizer: Any
    max_length: int
    cuts: Cuts = field(default_factory=Cuts)

    def prompt_ids(self, messages: Conversation) -> list[int]:
        """Tokens of the conversation up to where the assistant's next answer begins."""
        if not self.tokenizer.chat_template:
            start = [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
            return start + self._ids(plain_prompt(messages))
        try:
            text = self.tokenizer.apply_chat_template(
                list(messages), add_generation_prompt=True, tokenize=False
            )
        except TemplateError as error:
            raise InputError(f"the chat template refuses a conversation: {error}") from error
        return self._ids(text)

    def answer_ids(self, text: str) -> list[int]:
        """Tokens of an answer, with the end-of-sequence token."""
        lead = "" if self.tokenizer.chat_template else " "
        return [*self._ids(lead + text), self.tokenizer.eos_token_id]

    def fit(
        self, prompt: list[int], answers: Sequence[list[int]]
    ) -> tuple[list[int], list[list[int]]]:
        """Cut to the window: the prompt from its left first, then the answers from their right.

        All answers see the same prompt. A cut answer loses its end-of-sequence token, because
        that is not where it ended.
        """
        kept = min(len(prompt), max(1, int(self.max_length * PROMPT_SHARE)))
        room = self.max_length - kept
        self.cuts.answers += sum(len(answer) > room for answer in answers)
        fitted = [answer[:room] for answer in answers]
        left = self.max_length - max(map(len, fitted))
        self.cuts.prompts += len(prompt) > left
        return prompt[-left:], fitted

    def decode(self, ids: Sequence[int]) -> str:
        """The text of an answer's tokens."""
        text = self.tokenizer.decode(list(ids), skip_special_tokens=True)
        return str(text if self.tokenizer.chat_template else text.removeprefix(" "))

    def _ids(self, text: str) -> list[int]:
        clean = text.encode("utf-8", "replace").decode()  # JSON may hold lone surrogates
        return list(self.tokenizer(clean, add_special_tokens=False)["input_ids"])
