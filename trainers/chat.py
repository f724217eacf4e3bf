"""How a conversation becomes tokens: the one renderer of every trainer and of the server.

A tokenizer with a chat template decides the format. For one without, it is the plain format: one
paragraph a message and an open last line,

    User: How do I boil an egg?

    Assistant: Eight minutes in boiling water.

begun by the tokenizer's first token, where it has one, and ended by its end-of-sequence token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2.exceptions import TemplateError

from trainers.data.texts import Conversation, plain_prompt
from trainers.errors import InputError


@dataclass(slots=True)
class Cuts:
    """How many prompts and answers were longer than a window and lost a part."""

    prompts: int = 0
    answers: int = 0


@dataclass(frozen=True, slots=True)
class Chat:
    """Renders conversations for one tokenizer."""

    tokenizer: Any

    @property
    def has_template(self) -> bool:
        """Return whether the tokenizer itself says what a conversation looks like."""
        return bool(self.tokenizer.chat_template)

    def prompt_ids(self, messages: Conversation) -> list[int]:
        """Return the tokens of a conversation up to where the assistant's next answer begins.

        Raises InputError where the template refuses the conversation.
        """
        if self.has_template:
            return self._ids(self._rendered(messages, add_generation_prompt=True))
        start = [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
        return start + self._ids(plain_prompt(messages))

    def answer_ids(self, text: str) -> list[int]:
        """Return the tokens of an answer, with the end-of-sequence token.

        Tokenised apart from its prompt, so that the boundary between them never moves.
        """
        # The plain format's open last line ends in a colon.
        lead = "" if self.has_template else " "
        return [*self._ids(lead + text), self.tokenizer.eos_token_id]

    def whole_text(self, messages: Conversation, answer: str) -> str:
        """Return a conversation with its answer as one text, with every special token.

        What a model reads that judges an answer as a whole; raises InputError as `prompt_ids` does.
        """
        if self.has_template:
            return self._rendered([*messages, {"role": "assistant", "content": answer}])
        start, end = self.tokenizer.bos_token or "", self.tokenizer.eos_token or ""
        return f"{start}{plain_prompt(messages)} {answer}{end}"

    def texts_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of texts that hold their special tokens already."""
        # Uncut and without a warning about length: windows are the caller's.
        encoded = self.tokenizer(
            list(texts), add_special_tokens=False, truncation=False, verbose=False
        )
        found: list[list[int]] = encoded["input_ids"]
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of an answer's tokens."""
        text = self.tokenizer.decode(list(ids), skip_special_tokens=True)
        # The space in front is the one that `answer_ids` put there.
        return str(text if self.has_template else text.removeprefix(" "))

    def _rendered(
        self, messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool = False
    ) -> str:
        try:
            # As text, which `_ids` cleans before the tokenizer sees it.
            return str(
                self.tokenizer.apply_chat_template(
                    list(messages), add_generation_prompt=add_generation_prompt, tokenize=False
                )
            )
        except TemplateError as error:
            raise InputError(f"the chat template refuses a conversation: {error}") from error

    def _ids(self, text: str) -> list[int]:
        # The template or `prompt_ids` has written the special tokens: not twice.
        return list(self.tokenizer(clean(text), add_special_tokens=False)["input_ids"])


def clean(text: str) -> str:
    """Return a text that any tokenizer takes: JSON may hold lone surrogates, which become "?"."""
    return text.encode("utf-8", "replace").decode()
