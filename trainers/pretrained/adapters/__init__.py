"""Small adapters that ship with the code, and how each of them is to be served.

Each folder is a policy artifact over a packaged checkpoint; `specialities.toml` names what is
served: the checkpoint alone and with each adapter. Read without torch.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Speciality:
    """One served manner of a packaged checkpoint.

    name           under which the inference server offers it
    base           the name of the packaged checkpoint beneath
    adapter        its folder beside this file; "" is the checkpoint alone
    topics         slugs of the starter pool's topics that it is for
    system_prompt  what its adapter was trained under, and what it is to be asked under
    sampling       names and values as in a request for a chat completion
    """

    name: str
    base: str
    adapter: str
    title: str
    description: str
    topics: tuple[str, ...]
    system_prompt: str
    sampling: dict[str, float]


@cache
def specialities() -> dict[str, Speciality]:
    """Return what is served, by name; the checkpoint alone comes first."""
    known = tomllib.loads((FOLDER / "specialities.toml").read_text(encoding="utf-8"))
    return {row["name"]: _speciality(row) for row in known["specialities"]}


def shipped_adapters(base: str) -> dict[str, Path]:
    """Return the artifact folders of the adapters over a packaged checkpoint, by served name."""
    return {
        each.name: FOLDER / each.adapter
        for each in specialities().values()
        if each.base == base and each.adapter
    }


def _speciality(row: dict[str, Any]) -> Speciality:
    return Speciality(**{**row, "topics": tuple(row["topics"])})
