"""How a conversation and its answer become the tokens of one sequence.

The tokenizer decides the format, so that anybody can make the same tokens from what the artifact
holds:

- one with a chat template: the template over the messages and the answer as the assistant's;
- one that joins two texts (BERT and its kin): the pair of `prompt_text(messages)`, newest message
  first, and the answer;
- any other: the plain format, ended by the end-of-sequence token,

      User: How do I boil an egg?

      Assistant: Eight minutes in boiling water.

A sequence longer than the window loses the oldest part of its prompt, and only when nothing of
the prompt is left a part of the answer: its end in the pair format, its beginning in the others.
Both are counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jinja2.exceptions import TemplateError
from numpy.typing import NDArray

from trainers.data.texts import plain_prompt
from trainers.errors import InputError
from trainers.reward.answers import Answer

Ids = NDArray[np.int32]

# What lies further from the answer than this many characters a token cannot reach the window.
CHARACTERS_PER_TOKEN = 64
CHUNK = 1024  # answers a call of the tokenizer


@dataclass(frozen=True, slots=True)
class Tokens:
    """Ids of a sequence, and which of two texts each is of where the model tells them apart."""

    ids: Ids
    types: Ids | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(slots=True)
class Cuts:
    """How many sequences lost a part of their prompt, and how many a part of their answer."""

    prompts: int = 0
    answers: int = 0


class Reader:
    """Tokenises answers for one tokenizer and a window of `max_length` tokens."""

    def __init__(self, tokenizer: Any, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.cuts = Cuts()
        self._typed = "token_type_ids" in tokenizer.model_input_names
        # A template is a tokenizer's own word; without one, a separator joins two texts.
        self.paired = not tokenizer.chat_template and tokenizer.sep_token is not None

    def read(self, answers: Sequence[Answer]) -> list[Tokens]:
        """The sequences of answers, in their order."""
        found: list[Tokens] = []
        for start in range(0, len(answers), CHUNK):
            chunk = answers[start : start + CHUNK]
            found += self._pairs(chunk) if self.paired else self._whole(chunk)
        return found

    def counts(self) -> dict[str, int]:
        """What was cut so far."""
        return {f"cut_{name}": number for name, number in asdict(self.cuts).items()}

    def _pairs(self, answers: Sequence[Answer]) -> Iterator[Tokens]:
        prompts = [self._readable(answer.prompt) for answer in answers]
        texts = [self._readable(answer.text) for answer in answers]
        encoded = self.tokenizer(prompts, texts, truncation=False, verbose=False)
        for row, ids in enumerate(encoded["input_ids"]):
            kept = self._kept(encoded.sequence_ids(row)) if len(ids) > self.max_length else ...
            types = np.array(encoded["token_type_ids"][row], np.int32) if self._typed else None
            cut = np.array(ids, np.int32)[kept]
            yield Tokens(cut, None if types is None else types[kept])

    def _kept(self, sides: Sequence[int | None]) -> NDArray[np.int64]:
        """The places that stay: the prompt's last tokens go first, then the answer's."""
        prompt, text = (np.flatnonzero([side == end for side in sides]) for end in (0, 1))
        excess = len(sides) - self.max_length
        from_text = max(0, excess - len(prompt))
        self.cuts.prompts += 1
        self.cuts.answers += from_text > 0
        gone = [prompt[max(0, len(prompt) - excess) :], text[len(text) - from_text :]]
        return np.setdiff1d(np.arange(len(sides)), np.concatenate(gone))

    def _whole(self, answers: Sequence[Answer]) -> Iterator[Tokens]:
        for answer, ids in zip(answers, self._ids([self._text(a) for a in answers]), strict=True):
            if len(ids) > self.max_length:
                self.cuts.prompts += 1
                self.cuts.answers += len(self._ids([self._end(answer.text)])[0]) > self.max_length
            yield Tokens(np.array(ids[-self.max_length :], np.int32))

    def _text(self, answer: Answer) -> str:
        messages = [
            {"role": said.get("role") or "user", "content": self._end(said["content"])}
            for said in answer.messages
        ]
        reply = self._end(answer.text)
        if not self.tokenizer.chat_template:
            start, end = self.tokenizer.bos_token or "", self.tokenizer.eos_token or ""
            return f"{start}{plain_prompt(messages)} {reply}{end}"
        try:
            return str(
                self.tokenizer.apply_chat_template(
                    [*messages, {"role": "assistant", "content": reply}], tokenize=False
                )
            )
        except TemplateError as error:
            raise InputError(f"the chat template refuses a conversation: {error}") from error

    def _ids(self, texts: list[str]) -> list[list[int]]:
        encoded = self.tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False)
        found: list[list[int]] = encoded["input_ids"]
        return found

    def _readable(self, text: str) -> str:
        """The beginning of a text that can matter, with lone surrogates replaced."""
        return _clean(text[: self.max_length * CHARACTERS_PER_TOKEN])

    def _end(self, text: str) -> str:
        """The end of a text that can matter: its beginning is what a cut takes."""
        return _clean(text[-self.max_length * CHARACTERS_PER_TOKEN :])


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
