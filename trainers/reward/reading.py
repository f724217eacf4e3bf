"""How a conversation and its answer become the tokens of one sequence.

The tokenizer decides the format, so that anybody can make the same tokens from what the artifact
holds:

- one with a chat template: the template over the messages and the answer as the assistant's;
- one that joins two texts (BERT and its kin): the pair of `prompt_text(messages)`, newest message
  first, and the answer;
- any other: the plain format of `trainers.chat`.

A sequence longer than the window loses the oldest part of its prompt, and only when nothing of
the prompt is left a part of the answer: its end in the pair format, its beginning in the others.
Both are counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.arrays import Ints
from trainers.chat import Chat, Cuts, clean
from trainers.reward.model import Answer

Ids = NDArray[np.int32]

# What lies further from the answer than this many characters a token cannot reach the window.
CHARACTERS_PER_TOKEN = 64
CHUNK = 1024  # answers a call of the tokenizer


@dataclass(frozen=True, slots=True)
class Tokens:
    """A sequence.

    ids    [length]
    types  [length] which of two texts each token is of, where the model tells them apart
    """

    ids: Ids
    types: Ids | None = None

    def __len__(self) -> int:
        return len(self.ids)


class Reader:
    """Tokenises answers for one tokenizer and a window of `max_length` tokens."""

    def __init__(self, tokenizer: Any, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.chat = Chat(tokenizer)
        self.max_length = max_length
        self.cuts = Cuts()
        self._typed = "token_type_ids" in tokenizer.model_input_names
        # A template is a tokenizer's own word; without one, a separator joins two texts.
        self.paired = not self.chat.has_template and tokenizer.sep_token is not None

    def read(self, answers: Sequence[Answer]) -> list[Tokens]:
        """Return the sequences of answers, in their order."""
        found: list[Tokens] = []
        for start in range(0, len(answers), CHUNK):
            chunk = answers[start : start + CHUNK]
            found += self._pairs(chunk) if self.paired else self._whole(chunk)
        return found

    def counts(self) -> dict[str, int]:
        """Return what was cut so far."""
        return {f"cut_{name}": number for name, number in asdict(self.cuts).items()}

    def _pairs(self, answers: Sequence[Answer]) -> Iterator[Tokens]:
        prompts = [self._readable(answer.prompt) for answer in answers]
        texts = [self._readable(answer.text) for answer in answers]
        encoded = self.tokenizer(prompts, texts, truncation=False, verbose=False)
        for row, ids in enumerate(encoded["input_ids"]):
            # An index of `...` keeps everything.
            kept = self._kept(encoded.sequence_ids(row)) if len(ids) > self.max_length else ...
            types = np.array(encoded["token_type_ids"][row], np.int32) if self._typed else None
            # Ids of any vocabulary fit, in half of int64's memory.
            cut = np.array(ids, np.int32)[kept]
            yield Tokens(cut, None if types is None else types[kept])

    def _kept(self, sides: Sequence[int | None]) -> Ints:
        """Return the places that stay: the prompt's last tokens go first, then the answer's.

        The prompt is newest message first, so that its last tokens are its oldest.
        """
        prompt, text = (np.flatnonzero([side == end for side in sides]) for end in (0, 1))
        excess = len(sides) - self.max_length  # tokens that must go
        from_text = max(0, excess - len(prompt))
        self.cuts.prompts += 1
        self.cuts.answers += from_text > 0
        # The last `excess` of the prompt, and of the answer what the prompt did not yield.
        gone = [prompt[max(0, len(prompt) - excess) :], text[len(text) - from_text :]]
        # In ascending order; special tokens are of neither side, and stay.
        return np.setdiff1d(np.arange(len(sides)), np.concatenate(gone))

    def _whole(self, answers: Sequence[Answer]) -> Iterator[Tokens]:
        for answer, ids in zip(
            answers, self.chat.texts_ids([self._text(a) for a in answers]), strict=True
        ):
            if len(ids) > self.max_length:
                self.cuts.prompts += 1
                self.cuts.answers += (
                    len(self.chat.texts_ids([self._end(answer.text)])[0]) > self.max_length
                )
            yield Tokens(np.array(ids[-self.max_length :], np.int32))

    def _text(self, answer: Answer) -> str:
        messages = [
            {"role": said.get("role") or "user", "content": self._end(said["content"])}
            for said in answer.messages
        ]
        return self.chat.whole_text(messages, self._end(answer.text))

    def _readable(self, text: str) -> str:
        """Return the beginning of a text that can matter, cleaned."""
        return clean(text[: self.max_length * CHARACTERS_PER_TOKEN])

    def _end(self, text: str) -> str:
        """Return the end of a text that can matter, cleaned: its beginning is what a cut takes."""
        return clean(text[-self.max_length * CHARACTERS_PER_TOKEN :])
