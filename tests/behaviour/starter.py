"""The files that recordings are made from: those of the checkout that records, for both."""

import json
from pathlib import Path

STARTER = Path(__file__).resolve().parents[2] / "feedback" / "pool" / "starter"


def starter_prompts() -> list[str]:
    """Return each prompt of the starter pool once, in the order of its file."""
    lines = (STARTER / "responses.jsonl").read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(json.loads(line)["prompt"] for line in lines))
