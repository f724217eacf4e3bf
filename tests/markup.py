"""Pages as tests read them: the layout of a template is no part of what it says."""

import re

INSIDE_A_TAG = re.compile(r"(</?\w[^<>]*?) *(/?>)")
AFTER_A_START = re.compile(r"(<\w[^<>]*>) ")
BEFORE_AN_END = re.compile(r" (</)")


def tight(page: str) -> str:
    """Return a page with its white space collapsed, and none at the edges of an element's content.

    White space between a word and the tag beside it stays: it is seen.
    """
    page = INSIDE_A_TAG.sub(r"\1\2", " ".join(page.split()))
    return BEFORE_AN_END.sub(r"\1", AFTER_A_START.sub(r"\1", page))
