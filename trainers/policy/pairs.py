"""What a policy learns from: one pair of answers a comparison, with its consensus as soft label."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from trainers.data.comparisons import Comparisons, read_comparisons
from trainers.data.snapshot import Snapshot, Split
from trainers.data.texts import Conversation
from trainers.errors import InputError
from trainers.policy.dialogue import Dialogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two answers to one prompt, the preferred first.

    label   the probability that `chosen` is preferred, at least 1/2; a tie counts as 1/2
    weight  mean weight of the comparison's judgments
    """

    comparison_id: str
    prompt_id: str
    messages: Conversation
    chosen: str
    rejected: str
    label: float
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """A pair as tokens; both answers follow the same prompt."""

    comparison_id: str
    prompt: list[int]
    chosen: list[int]
    rejected: list[int]
    label: float
    weight: float

    @property
    def length(self) -> int:
        """Return the tokens of the longer of the two sequences."""
        return len(self.prompt) + max(len(self.chosen), len(self.rejected))


@dataclass(frozen=True, slots=True)
class Pool:
    """The conversations and answers of a snapshot, and the comparisons of answers with a text."""

    conversations: dict[str, Conversation]
    split: dict[str, str]
    answers: dict[str, tuple[str, str]]  # response id: (prompt id, text)
    comparisons: Comparisons = field(repr=False)

    @classmethod
    def read(cls, snapshot: Snapshot) -> "Pool":
        """Return everything of a snapshot that a policy can read."""
        prompts = snapshot.table("prompts", ["prompt_id", "messages", "split"]).to_pylist()
        responses = snapshot.table("responses", ["response_id", "prompt_id", "text"]).to_pylist()
        return cls(
            {row["prompt_id"]: row["messages"] for row in prompts if row["messages"]},
            {row["prompt_id"]: row["split"] for row in prompts},
            {
                row["response_id"]: (row["prompt_id"], row["text"])
                for row in responses
                if row["text"]
            },
            read_comparisons(snapshot),
        )

    def pairs(
        self, split: Split, *, limit: int | None, seed: int, decided: bool = False
    ) -> list[Pair]:
        """Return at most `limit` pairs of a split, in an order that the seed alone decides.

        `decided` leaves out those that neither side wins. Raises InputError where none is left.
        """
        found = self.comparisons.where(self.comparisons.not_tied) if decided else self.comparisons
        usable = [pair for pair in self._pairs(found) if self.split[pair.prompt_id] == split]
        if not usable:
            what = "decided comparison" if decided else "comparison"
            raise InputError(
                f"the snapshot has no {what} in the {split} split with a prompt and both answers"
            )
        return sorted(usable, key=lambda pair: _shuffle_key(seed, pair.comparison_id))[:limit]

    def training_answers(self, *, limit: int | None, seed: int) -> list[tuple[Conversation, str]]:
        """Return distinct (conversation, answer) of the training split, at most `limit`."""
        distinct = {
            (prompt, text)
            for prompt, text in self.answers.values()
            if prompt in self.conversations and self.split[prompt] == "train"
        }
        # Sorted by a hash: the order of a set is another one in every process.
        kept = sorted(distinct, key=lambda answer: _shuffle_key(seed, "\n".join(answer)))[:limit]
        return [(self.conversations[prompt], text) for prompt, text in kept]

    def _pairs(self, found: Comparisons) -> Iterator[Pair]:
        for row in range(len(found)):
            prompt = found.prompt_id[row]
            ends = [self.answers.get(ids[row]) for ids in (found.response_a, found.response_b)]
            # An imported vote has no texts, and a comparison may have a prompt without messages.
            if prompt not in self.conversations or ends[0] is None or ends[1] is None:
                continue
            label, chosen, rejected = float(found.label[row]), ends[0][1], ends[1][1]
            # Turned so that `chosen` is what most preferred; the label turns with it.
            if label < 0.5:
                label, chosen, rejected = 1.0 - label, rejected, chosen
            yield Pair(
                comparison_id=found.comparison_id[row],
                prompt_id=prompt,
                messages=self.conversations[prompt],
                chosen=chosen,
                rejected=rejected,
                label=label,
                weight=float(found.weight[row]),
            )


def tokenize_pairs(pairs: Sequence[Pair], dialogue: Dialogue) -> list[TokenPair]:
    """Return the pairs as tokens, cut to the window."""
    return [_token_pair(pair, dialogue) for pair in pairs]


def _token_pair(pair: Pair, dialogue: Dialogue) -> TokenPair:
    answers = [dialogue.answer_ids(pair.chosen), dialogue.answer_ids(pair.rejected)]
    prompt, (chosen, rejected) = dialogue.fit(dialogue.prompt_ids(pair.messages), answers)
    return TokenPair(
        comparison_id=pair.comparison_id,
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        label=pair.label,
        weight=pair.weight,
    )


def _shuffle_key(seed: int, text: str) -> bytes:
    # Of the row alone, so that other rows and their order do not change which are taken.
    return hashlib.sha256(f"{seed}\n{text}".encode()).digest()
