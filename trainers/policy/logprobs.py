"""Log-probabilities of answers under a causal model.

Rows are padded on the left, so that all answers end in the same column and the output head,
which costs more than all else with a large vocabulary, is computed for answer positions alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainers.policy.pairs import TokenPair

Row = tuple[list[int], list[int]]  # the tokens of a prompt and of an answer to it
Report = Callable[[int, int], None]  # (done, of how many)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows as tensors on the model's device.

    ids, mask, positions  [rows, width] padded on the left
    targets               [rows, longest answer] the tokens to predict
    answer                [rows, longest answer] which of them are an answer's
    """

    ids: Tensor
    mask: Tensor
    positions: Tensor
    targets: Tensor
    answer: Tensor


def collate(rows: Sequence[Row], pad: int, device: torch.device) -> Batch:
    """Return rows padded on the left; every prompt must hold at least one token."""
    # Columns: `width` of whole rows, of which the last `longest` are where answers stand.
    width = max(len(prompt) + len(answer) for prompt, answer in rows)
    longest = max(len(answer) for _, answer in rows)
    ids = torch.full((len(rows), width), pad)
    mask = torch.zeros_like(ids)
    answers = torch.zeros_like(ids)  # 1 where a token is an answer's
    for index, (prompt, answer) in enumerate(rows):
        tokens = torch.tensor(prompt + answer)
        ids[index, width - len(tokens) :] = tokens
        mask[index, width - len(tokens) :] = 1
        answers[index, width - len(answer) :] = 1
    # Positions count real tokens, so that padding does not shift an absolute position.
    # Padding would be at -1, which no table of positions has.
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    return Batch(
        ids=ids.to(device),
        mask=mask.to(device),
        positions=positions.to(device),
        targets=ids[:, width - longest :].to(device),
        answer=answers[:, width - longest :].bool().to(device),
    )


def answer_logits(model: Any, batch: Batch) -> Tensor:
    """Return logits [rows, longest answer, vocabulary], float32, that predict the targets."""
    logits = model(
        input_ids=batch.ids,
        attention_mask=batch.mask,
        position_ids=batch.positions,
        # One more than the targets: a token is predicted one place before it.
        logits_to_keep=batch.targets.shape[1] + 1,
        use_cache=False,
    ).logits
    # The logits of a position predict the next token: one more to the left, the last one less.
    return logits[:, :-1].float()  # type: ignore[no-any-return]


def answer_log_probs(model: Any, batch: Batch) -> Tensor:
    """Return log pi(answer | prompt) [rows], in nats, summed over the answer's tokens.

    A sum, not a mean: DPO compares probabilities of whole answers.
    """
    logits = answer_logits(model, batch)
    chosen = logits.gather(2, batch.targets.unsqueeze(2)).squeeze(2)  # [rows, longest answer]
    # Not by log_softmax, whose result would be a second tensor of the size of the logits.
    return ((chosen - logits.logsumexp(2)) * batch.answer).sum(1)


def pair_log_probs(model: Any, pairs: Sequence[TokenPair], pad: int) -> Tensor:
    """Return log pi of the chosen and the rejected answers, [2, pairs], in one forward."""
    # All chosen, then all rejected, hence view(2, pairs) below.
    rows = [(pair.prompt, pair.chosen) for pair in pairs]
    rows += [(pair.prompt, pair.rejected) for pair in pairs]
    return answer_log_probs(model, collate(rows, pad, model.device)).view(2, len(pairs))


@torch.inference_mode()
def all_pair_log_probs(
    model: Any, pairs: Sequence[TokenPair], pad: int, size: int, report: Report
) -> Tensor:
    """Return log pi of every pair's answers, [2, pairs], on the CPU; `size` pairs a forward."""
    result = torch.zeros(2, len(pairs))
    # Like lengths together: little padding.
    order = sorted(range(len(pairs)), key=lambda index: pairs[index].length)
    for done, part in enumerate(chunks(order, size), start=1):
        found = pair_log_probs(model, [pairs[index] for index in part], pad)
        result[:, part] = found.cpu()
        report(min(done * size, len(pairs)), len(pairs))
    return result


def chunks(items: Sequence[int], size: int) -> Iterator[list[int]]:
    """Yield consecutive parts of at most `size` items."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
