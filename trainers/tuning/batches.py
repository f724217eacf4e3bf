"""Which pairs share a step, and which sequences in a forward: little is computed twice.

Two wastes of a usual reward trainer are avoided here. An answer that stands in several pairs is
read once a step, and batches are composed so that such pairs share one. And sequences of like
length go through the model together, so that padding is hardly computed, without sorting the data:
which pairs share a step does not depend on their lengths.
"""

from collections.abc import Iterator

import numpy as np

from trainers.arrays import Ints


def epoch_order(
    first: Ints, second: Ints, prompt: Ints, pairs_per_group: int, seed: list[int]
) -> Ints:
    """Return pair numbers[n] in the order in which an epoch takes them.

    first[n] and second[n] number the answers of every pair, prompt[n] its prompt. The answers of
    a prompt are dealt into random blocks, so large that about `pairs_per_group` pairs run between
    two blocks, and those pairs stand together; the groups stand in random order. 1 shuffles all
    pairs.
    """
    random = np.random.default_rng(seed)
    if pairs_per_group == 1:
        return random.permutation(len(first))
    owner, left, right = _blocks(first, second, prompt, pairs_per_group, random)
    # A group is a prompt and an unordered pair of its blocks: which side is first says nothing.
    group = np.stack([owner, np.minimum(left, right), np.maximum(left, right)])  # [3, n]
    # [n] numbers of the groups, which are equal columns.
    _, group = np.unique(group, axis=1, return_inverse=True)
    place = random.permutation(group.max() + 1)[group]
    # By the place of the group; within a group at random, so that a batch which ends inside one
    # does not always leave out the same pairs.
    order: Ints = np.lexsort((random.random(len(first)), place))
    return order


def _blocks(
    first: Ints, second: Ints, prompt: Ints, pairs_per_group: int, random: np.random.Generator
) -> tuple[Ints, Ints, Ints]:
    """Return the prompt of every pair, [n], and the blocks of its two answers, [n] each.

    Two prompts of equal words may share an answer: it belongs to one of them.
    """
    ends = np.concatenate([first, second])
    answers, where = np.unique(ends, return_inverse=True)
    owner = np.zeros(len(answers), np.int64)
    # Of the prompts of one answer's pairs the last stays: a write to the same place replaces.
    owner[where] = np.concatenate([prompt, prompt])
    # owner [answers] renumbered from 0 without gaps; sizes [prompts].
    _, owner, sizes = np.unique(owner, return_inverse=True, return_counts=True)
    left, right = where[: len(first)], where[len(first) :]
    pairs = np.bincount(owner[left], minlength=len(sizes))
    # Between two blocks of b answers run b * b times the share of possible pairs that there are.
    # The floors are for a prompt that owns a single answer, or no pair because another prompt owns
    # its answers. Several comparisons of the same two answers make a share above 1.
    share = np.maximum(pairs, 1) / np.maximum(1.0, sizes * (sizes - 1) / 2)
    width = np.maximum(1, np.round(np.sqrt(pairs_per_group / np.minimum(share, 1.0)))).astype(
        np.int64
    )
    # Ranks of the answers within their prompt, in random order: dealing them out by rank makes
    # new blocks every epoch.
    shuffled = np.lexsort((random.random(len(answers)), owner))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank = np.empty(len(answers), np.int64)
    # `shuffled` stands prompt by prompt: place less the prompt's first place is the rank.
    rank[shuffled] = np.arange(len(answers)) - np.repeat(starts, sizes)
    block = rank // width[owner]
    return owner[left], block[left], block[right]


def split_to_fit(first: Ints, second: Ints, lengths: Ints, most: int) -> Iterator[slice]:
    """Yield consecutive slices of pairs whose distinct answers have `most` tokens, or one pair.

    Consecutive, because that is how pairs that share answers stand.
    """
    start, held, tokens = 0, set[int](), 0
    for pair, ends in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        new = {end for end in ends if end not in held}
        more = sum(int(lengths[end]) for end in new)
        # One pair is always taken, however long: whether memory holds it is found out by trying.
        if pair > start and tokens + more > most:
            yield slice(start, pair)
            start, held, new, tokens = pair, set(), set(ends), 0
            more = sum(int(lengths[end]) for end in new)
        held |= new
        tokens += more
    yield slice(start, len(first))


def buckets(lengths: Ints, overhead: int) -> list[Ints]:
    """Return sequence numbers in groups that go through the model together, longest first.

    The cheapest division: a group costs its longest length times its size, and `overhead`, which
    is what starting another forward costs in tokens. Exact, by dynamic programming over the sorted
    lengths (an optimal group is a run of them): O(n^2) for n sequences.
    """
    # Stable, so that equal lengths keep their order.
    order = np.argsort(-lengths, kind="stable")
    ordered = lengths[order].astype(np.int64)
    n = len(ordered)
    # cost[e] of the best division of the e longest, cut[e] where its last group starts.
    cost, cut = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    for end in range(1, n + 1):
        starts = np.arange(end)
        # A group's first sequence is its longest: all others are padded to it.
        options = cost[:end] + ordered[:end] * (end - starts) + overhead
        cut[end] = np.argmin(options)
        cost[end] = options[cut[end]]
    found, end = [], n
    while end:  # back from the last cut to the first
        found.append(order[cut[end] : end])
        end = int(cut[end])
    return found[::-1]
