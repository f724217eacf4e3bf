"""An answer that gives its model away is noticed, and one that merely uses a word is not."""

import pytest

from feedback.arena.naming import names_model


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I, House Coder, suggest a loop.", "House Coder"),
        ("house coder suggests a loop.", "House Coder"),
        ("My weights are called vicuna-13b-v1.5.", "lmsys/vicuna-13b-v1.5"),
        ("This is what GPT-4 would say.", "GPT-4"),
        ("I am Alpaca, a model.", "Alpaca"),
        ("As ChatGPT, I cannot smell.", "House Cook"),
        ("I’m Claude, happy to help.", "House Cook"),
        ("I am a language model trained by OpenAI.", "House Cook"),
        ("As an AI assistant developed by Anthropic I must decline.", "House Cook"),
    ],
)
def test_a_name_that_is_given_away_is_caught(text: str, label: str) -> None:
    assert names_model(text, label)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Alpaca wool is warm.", "Alpaca"),
        ("As a falcon does. This animal is called Koala.", "Peregrine"),
        ("Ask a coder in your house.", "House Coder"),
        ("Version v2 needs 13B rows of 4 columns.", "Commons Policy 13B v2 4"),
        ("Google Maps shows the way; Meta makes Quest.", "House Cook"),
        ("As Claude Monet said, I paint.", "House Cook"),
        ("Write it in Command line syntax.", "Command Light"),
        ("A GPT-40 is no model.", "GPT-4"),
        ("", "House Cook"),
    ],
)
def test_words_that_only_sound_like_a_model_are_not(text: str, label: str) -> None:
    assert not names_model(text, label)
