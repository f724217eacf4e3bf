"""What is plainly wrong with a sampled answer, whatever it says: told from its tokens."""

from collections.abc import Collection, Sequence

RUN = 4  # tokens that are compared at once
SHORTEST = 20  # tokens below which an answer is too short to repeat itself
DISTINCT = 0.5  # share of distinct runs below which it does


def flaws_of(tokens: Sequence[int], text: str, ends: Collection[int]) -> dict[str, bool]:
    """Return which flaws an answer has: "empty", "cut" at the limit, "repeating"; "any" of them."""
    found = {
        "empty": not text.strip(),
        "cut": not tokens or tokens[-1] not in ends,
        "repeating": repeats(tokens),
    }
    return {**found, "any": any(found.values())}


def repeats(tokens: Sequence[int]) -> bool:
    """Return whether most runs of four tokens stand in an answer more than once."""
    if len(tokens) < SHORTEST:
        return False
    runs = list(zip(*(tokens[start:] for start in range(RUN)), strict=False))
    return len(set(runs)) < DISTINCT * len(runs)
