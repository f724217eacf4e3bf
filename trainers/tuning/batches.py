"""Which pairs meet in a step, and which sequences in a forward: little is computed twice.

Two wastes of a usual reward trainer are avoided here. An answer that stands in several pairs is
read once a step, and batches are composed so that such pairs meet. And sequences of like length
go through the model together, so that padding is hardly computed, without sorting the data: which
pairs share a step does not depend on their lengths.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def epoch_order(first: Rows, second: Rows, prompt: Rows, meet: int, seed: list[int]) -> Rows:
    """Pair numbers, (n,), in the order in which an epoch takes them.

    `first` and `second` number the answers of every pair, `prompt` (n,) its prompt. The answers of
    a prompt are dealt into random blocks, so large that about `meet` pairs run between two blocks,
    and those pairs stand together; the groups stand in random order. `meet` = 1 shuffles all pairs.
    """
    random = np.random.default_rng(seed)
    if meet == 1:
        return random.permutation(len(first))
    owner, left, right = _blocks(first, second, prompt, meet, random)
    group = np.stack([owner, np.minimum(left, right), np.maximum(left, right)])
    _, group = np.unique(group, axis=1, return_inverse=True)
    place = random.permutation(group.max() + 1)[group]
    order: Rows = np.lexsort((random.random(len(first)), place))
    return order


def _blocks(
    first: Rows, second: Rows, prompt: Rows, meet: int, random: np.random.Generator
) -> tuple[Rows, Rows, Rows]:
    """The prompt of every pair, (n,), and the blocks of its two answers.

    Two prompts of equal words may share an answer: it belongs to one of them.
    """
    ends = np.concatenate([first, second])
    answers, where = np.unique(ends, return_inverse=True)
    owner = np.zeros(len(answers), np.int64)
    owner[where] = np.concatenate([prompt, prompt])
    _, owner, sizes = np.unique(owner, return_inverse=True, return_counts=True)
    left, right = where[: len(first)], where[len(first) :]
    pairs = np.bincount(owner[left], minlength=len(sizes))
    # Between two blocks of b answers run b * b times the share of possible pairs that there are.
    share = np.maximum(pairs, 1) / np.maximum(1.0, sizes * (sizes - 1) / 2)
    width = np.maximum(1, np.round(np.sqrt(meet / np.minimum(share, 1.0)))).astype(np.int64)
    shuffled = np.lexsort((random.random(len(answers)), owner))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank = np.empty(len(answers), np.int64)
    rank[shuffled] = np.arange(len(answers)) - np.repeat(starts, sizes)
    block = rank // width[owner]
    return owner[left], block[left], block[right]


def split_to_fit(first: Rows, second: Rows, lengths: Rows, most: int) -> Iterator[slice]:
    """Consecutive slices of pairs whose distinct answers have at most `most` tokens, or one pair.

    Consecutive, because that is how pairs that share answers stand.
    """
    start, held, tokens = 0, set[int](), 0
    for pair, ends in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        new = {end for end in ends if end not in held}
        more = sum(int(lengths[end]) for end in new)
        if pair > start and tokens + more > most:
            yield slice(start, pair)
            start, held, new, tokens = pair, set(), set(ends), 0
            more = sum(int(lengths[end]) for end in new)
        held |= new
        tokens += more
    yield slice(start, len(first))


def buckets(lengths: Rows, overhead: int) -> list[Rows]:
    """Sequence numbers in groups that go through the model together, longest first.

    The cheapest division: a group costs its longest length times its size, and `overhead`, which
    is what starting another forward costs in tokens. Exact, by dynamic programming over the sorted
    lengths (an optimal group is a run of them): O(n^2) for n sequences.
    """
    order = np.argsort(-lengths, kind="stable")
    ordered = lengths[order].astype(np.int64)
    n = len(ordered)
    cost, cut = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    for end in range(1, n + 1):
        starts = np.arange(end)
        options = cost[:end] + ordered[:end] * (end - starts) + overhead
        cut[end] = np.argmin(options)
        cost[end] = options[cut[end]]
    found, end = [], n
    while end:
        found.append(order[cut[end] : end])
        end = int(cut[end])
    return found[::-1]
