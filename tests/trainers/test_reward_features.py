"""The surface of a response, and the conversation that an encoder reads."""

import time

import numpy as np
import pytest

from trainers.data.texts import prompt_text
from trainers.reward.surface import SURFACE_FEATURES, surface_features

RESPONSE = """# Soup

**Heat** the pan. Then:

- chop 2 onions
- stir!

```python
heat(pan)
```
Ready?"""


def surface(response: str, prompt: str = "") -> dict[str, float]:
    values = surface_features(prompt, response)
    return dict(zip(SURFACE_FEATURES, map(float, values), strict=True))


def test_layout_is_counted() -> None:
    found = surface(RESPONSE)
    counts = {name: round(np.expm1(found[name])) for name in found if name.startswith("log_")}
    assert counts["log_characters"] == len(RESPONSE)
    assert counts["log_headings"] == 1
    assert counts["log_bold"] == 1
    assert counts["log_list_items"] == 2
    assert counts["log_questions"] == 1
    assert counts["log_exclamations"] == 1
    assert found["code_share"] == pytest.approx(len("```python\nheat(pan)\n```") / len(RESPONSE))


def test_overlap_is_the_share_of_the_prompts_words() -> None:
    assert surface("Red apples are red.", "green apples, RED apples")["prompt_overlap"] == (
        pytest.approx(2 / 3)
    )


@pytest.mark.parametrize("text", ["", " \n", "\x00", "```", "🙂" * 10])
def test_any_text_has_finite_features(text: str) -> None:
    assert np.isfinite(surface_features(text, text)).all()


def test_a_text_of_five_megabytes_is_read_in_a_moment() -> None:
    started = time.monotonic()
    surface_features("why?", "**a* `` \n- 1. #" * 350_000)
    assert time.monotonic() - started < 10.0


def test_the_newest_message_comes_first() -> None:
    messages = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "second"},
        {"role": "user", "content": "third"},
    ]
    assert prompt_text(messages) == "third\n\nsecond\n\nfirst"
    assert prompt_text(messages[:1]) == "first"
    assert prompt_text([]) == ""
