"""Whether a text has begun to repeat itself without end."""

import re

WINDOW = 2400  # characters at the end of a text that are looked at
SIGNS = 1200  # characters of repetition that are more than a rule, a blank or a cry
SPELT = 2  # letters of a part from which on it is words
NUMBERED = 12  # letters of a part in which but one number changes: "1. It is good. 2. It is good."
NUMBERED_TIMES = 2  # how many times more often than words that stay the very same

NUMBER = re.compile(r"\d+")
WORD = re.compile(r"[^\W\d_]+")


def repeated_part(text: str, *, least: int, times: int) -> str:
    """Return what the end of a text repeats; empty where it does not.

    The repetition is at least `least` characters long and `times` rounds of the same words. Signs
    and single letters need `SIGNS` characters, and parts that are numbered more rounds.
    """
    end = text[-WINDOW:]
    part = _period(end, least, times)
    if _letters(part) >= SPELT:
        return part
    if part and (signs := _period(end, SIGNS, times)):
        return signs
    counted = NUMBER.sub("0", end)
    if counted == end:
        return ""
    part = _period(counted, least, times * NUMBERED_TIMES)
    is_counter = len(NUMBER.findall(part)) == 1 and _letters(part) >= NUMBERED
    return part if is_counter else ""


def consists_of(part: str, text: str) -> bool:
    """Say whether what is repeated is made of the words of a text."""
    whole = WORD.findall((part * 3).lower())[1:-1]  # a part may begin in the middle of a word
    return bool(whole) and set(whole) <= set(WORD.findall(text.lower()))


def _period(text: str, least: int, times: int) -> str:
    """Return the shortest part of which the end of the text is that many rounds; empty if none.

    The failure function of the reversed text (Knuth, Morris and Pratt 1977) gives the smallest
    period of each of its beginnings, which are the ends of the text, in one pass.
    """
    reversed_text = text[::-1]
    if len(reversed_text) < least:
        return ""
    borders = [0] * len(reversed_text)
    border = 0
    for place in range(1, len(reversed_text)):
        letter = reversed_text[place]
        while border and letter != reversed_text[border]:
            border = borders[border - 1]
        border += letter == reversed_text[border]
        borders[place] = border
        length = place + 1
        if length >= least and (length - border) * times <= length:
            return reversed_text[: length - border][::-1]
    return ""


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))
