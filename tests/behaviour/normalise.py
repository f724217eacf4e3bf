"""Marks in place of what differs between two runs of one commit: names, times, digests."""

import re
from collections.abc import Sequence
from re import Match

RECOGNISED = 24  # first letters by which a prompt is found

# Sixteen characters of an alphabet without i, l, o, 0 and 1, in which public names are drawn;
# a lease adds eight.
IDENTIFIER = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|(?<![A-Za-z0-9_])[2-9a-hjkmnp-z]{16}(?:-[2-9a-hjkmnp-z]{8})?(?![A-Za-z0-9_])"
)
INSTANT = re.compile(
    r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|\s?[+-]\d\d:?\d\d| UTC)?"
)
MONTHS = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Januar|Februar|März|Mai|Juni|Juli|Oktober|Dezember"
    r"|Jan|Feb|Mar|Mär|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Okt|Nov|Dec|Dez)\.?"
)
NUMBERS = r"\d+(?:[.,]\d+)?"
# A digest may look like a public name by chance, so that both become the same mark.
OF_PAGES = (
    (INSTANT, "<time>"),
    (re.compile(r"\b20\d\d-\d\d-\d\d\b"), "<date>"),
    (re.compile(rf"\b\d{{1,2}}\.? {MONTHS}(?: 20\d\d)?(?:, \d\d?:\d\d)?(?!\w)"), "<date>"),
    (re.compile(rf"\b{MONTHS} \d{{1,2}}(?:, 20\d\d)?(?:, \d\d?:\d\d)?(?!\w)"), "<date>"),
    (re.compile(r"\b\d\d:\d\d(?::\d\d)?\b"), "<time>"),
    (re.compile(r"\b\d+(?:[.,]\d+)?\s(?:ms|s|seconds?|Sekunden?)\b"), "<duration>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}(?![0-9a-z])"), "<id>"),
    (re.compile(rf'("(?:seconds|\w+_ms|\w+_seconds)": ){NUMBERS}'), r"\1<duration>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<site>"),
    (re.compile(r"\b[A-Z2-7]{32}\b"), "<secret>"),  # of an authenticator app
    (re.compile(r"(?<![\w/-])(?=[\w-]*\d)[A-Za-z0-9_-]{40,}(?![\w-])"), "<secret>"),
)


OF_ROUTES = {
    # How alike two answers are depends a little on which of them is shown first, by chance.
    "/annotate/differences/<>/": re.compile(r"\d+(?= %)"),
    # Who labels what is drawn by chance among pairs that are equal in rank.
    "/hybrid/": re.compile(rf"(?<=<prompt> )\D{{1,40}}?{NUMBERS} {NUMBERS}"),
    # A curve has a point for each second or so; the metrics are in the list of runs over REST.
    "/runs/<>/": re.compile(rf"{NUMBERS}(?: {NUMBERS})*"),
}


def by_appearance(text: str) -> str:
    """Return the text with every random identifier replaced by the ordinal of its first use.

    Two texts come out equal where they differ by a renaming of identifiers. Instants, at which
    rows were made, become a mark.
    """
    ordinals: dict[str, int] = {}

    def ordinal(found: Match[str]) -> str:
        return f"<id {ordinals.setdefault(found[0], len(ordinals) + 1)}>"

    return INSTANT.sub("<time>", IDENTIFIER.sub(ordinal, text))


def page_text(text: str, route: str = "", prompts: Sequence[str] = ()) -> str:
    """Return a page's text with white space collapsed and a mark in place of each random value.

    `prompts` are texts of the pool: a page may show any of those that are equal in rank.
    """
    text = without_prompts(" ".join(text.split()), prompts)
    text = IDENTIFIER.sub("<id>", text)
    for pattern, mark in OF_PAGES:
        text = pattern.sub(mark, text)
    if route in OF_ROUTES:
        text = OF_ROUTES[route].sub("<n>", text)
    return text


def without_prompts(text: str, prompts: Sequence[str]) -> str:
    """Return the text with a mark in place of each prompt, whole or cut short with an ellipsis."""
    for prompt in (" ".join(prompt.split()) for prompt in prompts):
        while (start := text.find(prompt[:RECOGNISED])) >= 0:
            pairs = enumerate(zip(text[start:], prompt, strict=False))
            shared = next((n for n, (ours, theirs) in pairs if ours != theirs), len(prompt))
            rest = text[start + shared :].lstrip()
            text = f"{text[:start]}<prompt> {rest.removeprefix('…').lstrip()}"
    return text
