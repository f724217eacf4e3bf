"""Drawing the next token of every row, each by settings and random numbers of its own."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# Of a large vocabulary nearly all mass lies on few tokens: sorting these alone takes 0.1 ms a row,
# sorting 49,152 takes 4 ms.
LIKELIEST = 256


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. temperature 0 takes the likeliest; top_p 1 draws from all.

    frequency_penalty  what each earlier use of a token in the answer takes from its logit
    presence_penalty   what its having been used at all takes
    """

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    seed: int | None = None


class Draws:
    """The random numbers of one answer, one a token, whatever else shares its batch; its uses.

    uses  how often each token has been drawn
    """

    def __init__(self, how: Sampling, stream: int = 0) -> None:
        """Begin at the seed; `stream` tells apart the answers of one call."""
        self.how = how
        self.uses: Counter[int] = Counter()
        seed = None if how.seed is None else f"{how.seed} {stream}"
        self._random = random.Random(seed)

    def number(self) -> float:
        """Return the next number in [0, 1)."""
        return self._random.random()


def draw(logits: Tensor, draws: Sequence[Draws]) -> list[int]:
    """Return one token a row from float32 logits[rows, vocabulary].

    Inverse of the cumulative distribution at the row's next number; a greedy row takes none.
    """
    logits = _penalised(logits, draws)
    found = logits.argmax(1).tolist()
    drawn = [row for row, each in enumerate(draws) if each.how.temperature > 0]
    # Cut to the nucleus or not: two groups, because the cut needs an order.
    for cut in (False, True):
        rows = [row for row in drawn if (draws[row].how.top_p < 1) == cut]
        if not rows:
            continue
        temperatures = logits.new_tensor([[draws[row].how.temperature] for row in rows])
        probabilities = (logits[rows] / temperatures).softmax(1)
        numbers = torch.tensor([[draws[row].number()] for row in rows], dtype=torch.float64)
        if cut:
            kept, tokens = nucleus(probabilities, [draws[row].how.top_p for row in rows])
            places = _inverse(kept, numbers.to(logits.device))
            chosen = tokens.gather(1, places).squeeze(1).tolist()
        else:
            chosen = _inverse(probabilities, numbers.to(logits.device)).squeeze(1).tolist()
        for row, token in zip(rows, chosen, strict=True):
            found[row] = token
    for each, token in zip(draws, found, strict=True):
        each.uses[token] += 1
    return found


def _penalised(logits: Tensor, draws: Sequence[Draws]) -> Tensor:
    """Return logits less what the tokens of each row's answer so far take, as OpenAI defines it."""
    rows = [
        row
        for row, each in enumerate(draws)
        if each.uses and (each.how.frequency_penalty or each.how.presence_penalty)
    ]
    if not rows:
        return logits
    logits = logits.clone()
    for row in rows:
        how, uses = draws[row].how, draws[row].uses
        times = logits.new_tensor(list(uses.values()))
        logits[row, list(uses)] -= how.frequency_penalty * times + how.presence_penalty
    return logits


def nucleus(probabilities: Tensor, top_p: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Return the probabilities [rows, some] and token ids of the fewest that reach a row's `top_p`.

    Holtzman et al. 2020 (arXiv 1904.09751). Likeliest first, at least one a row; those of a wider
    row's columns that a row does not need are 0, and nothing is normalised.
    """
    limit = probabilities.new_tensor(top_p).unsqueeze(1)
    some = min(LIKELIEST, probabilities.shape[1])
    ordered, tokens = probabilities.topk(some, dim=1)
    if bool((ordered.sum(1, keepdim=True) < limit).any()):
        ordered, tokens = probabilities.sort(dim=1, descending=True)
    # Mass of the likelier tokens; 0 for the likeliest, which therefore stays at any top_p.
    before = ordered.cumsum(1) - ordered
    # Those that begin beyond top_p go; the one that reaches it stays.
    return ordered.masked_fill((before >= limit) & (before > 0), 0.0), tokens


def _inverse(weights: Tensor, numbers: Tensor) -> Tensor:
    """Return the column [rows, 1] in which each number[rows, 1] of [0, 1) falls, by weight."""
    mass = weights.double().cumsum(1)
    total = mass[:, -1:]
    # Below the total even where the product rounds up: beyond it lies no column.
    target = torch.minimum(numbers * total, total.nextafter(torch.zeros_like(total)))
    # A column of weight 0 ends where the one before it ends, so it is never the first beyond.
    return torch.searchsorted(mass, target, right=True)
