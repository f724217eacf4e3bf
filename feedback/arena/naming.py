"""Whether an answer gives its model's name away, so that its comparison cannot be blind."""

import re

MAKERS = "OpenAI|Anthropic|Google|DeepMind|Meta|Mistral|Microsoft|Alibaba|DeepSeek|Cohere|xAI"
ASSISTANTS = (
    "ChatGPT|GPT-?\\d|Claude|Bard|Gemini|Llama|LLaMA|Alpaca|Vicuna|Koala|Mistral|Mixtral|Qwen"
    "|DeepSeek|Falcon|Dolly|Grok|Copilot|PaLM|Open ?Assistant"
)
SELF = r"\b(?:[Aa]s|I am|I['’]m|[Mm]y name is)\s+"
INTRODUCTIONS = re.compile(
    rf"{SELF}(?:{ASSISTANTS})\b(?!\s+[A-Z])"  # not "as Claude Monet said"
    r"|\b(?:I am|I['’]m|I was|language model|AI (?:assistant|model))\b[^.!?\n]{0,80}"
    rf"\b(?:by|from) (?:{MAKERS})\b"
)
SHORTEST_TOKEN = 3  # letters of a token that names a model by itself, such as gpt-4


def names_model(text: str, label: str) -> bool:
    """Whether the text holds the whole label, a token that only this model has, or introduces it.

    A label of one plain word ("Alpaca") also means other things, so it counts only where the
    answer speaks of itself.
    """
    if INTRODUCTIONS.search(text):
        return True
    words = label.split()
    anywhere = [label] if len(words) > 1 else []
    anywhere += [token for token in re.split(r"[\s/]+", label) if _is_distinctive(token)]
    if any(_contains(text, name) for name in anywhere):
        return True
    return len(words) == 1 and bool(re.search(rf"{SELF}(?i:{_whole(label)})", text))


def _is_distinctive(token: str) -> bool:
    """A word with a number in it is a model's name; "v2", "13B" and "4" alone are not."""
    letters = sum(character.isalpha() for character in token)
    return letters >= SHORTEST_TOKEN and any(character.isdigit() for character in token)


def _contains(text: str, name: str) -> bool:
    return bool(re.search(_whole(name), text, re.IGNORECASE))


def _whole(name: str) -> str:
    return rf"(?<!\w){re.escape(name)}(?!\w)"
