"""What can be seen of a response without understanding it: length, layout, prompt overlap.

Counts enter as log(1 + count), so that a tenfold difference weighs alike at every size.
"""

import re
from math import log1p

import numpy as np

from trainers.arrays import Floats32
from trainers.data.style import BOLD, HEADING, LIST, LONGEST

_WORD = re.compile(r"\w+")
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)  # an unclosed block runs to the end of the text
_SENTENCE = re.compile(r"[.!?。！？]+(?:\s|\Z)")


def surface_features(prompt: str, response: str) -> Floats32:
    """Return one number per SURFACE_FEATURES, [s], not yet standardised."""
    return np.array(list(_measured(prompt, response).values()), np.float32)


def _measured(prompt: str, response: str) -> dict[str, float]:
    text = response[:LONGEST]
    words, asked = _WORD.findall(text.lower()), set(_WORD.findall(prompt[:LONGEST].lower()))
    return {
        "log_characters": log1p(len(text)),
        "log_words": log1p(len(words)),
        "log_lines": log1p(text.count("\n")),
        "log_sentences": log1p(len(_SENTENCE.findall(text))),
        "word_length": _share(sum(map(len, words)), len(words)),
        "distinct_words": _share(len(set(words)), len(words)),
        "code_share": _share(sum(map(len, _CODE.findall(text))), len(text)),
        "log_list_items": log1p(len(LIST.findall(text))),
        "log_headings": log1p(len(HEADING.findall(text))),
        "log_bold": log1p(len(BOLD.findall(text))),
        "digit_share": _share(sum(map(str.isdigit, text)), len(text)),
        "capital_share": _share(sum(map(str.isupper, text)), len(text)),
        "log_questions": log1p(text.count("?")),
        "log_exclamations": log1p(text.count("!")),
        "prompt_overlap": _share(len(asked.intersection(words)), len(asked)),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


SURFACE_FEATURES = tuple(_measured("", ""))  # their names, in the order of the artifact's columns
