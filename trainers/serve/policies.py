"""Served policies: a base checkpoint's engine, and the adapter that answers are written with."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainers.artifacts import Artifact
from trainers.data.texts import Conversation
from trainers.policy.adapter import base_folder
from trainers.pretrained.weights import weights_digest
from trainers.serve.engine.adapters import WEIGHTS, Adapter, read_adapter
from trainers.serve.engine.base import open_base
from trainers.serve.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class ServedPolicy:
    """What answers: an engine, and its adapter; None is the base alone.

    system_prompt  that the adapter was trained under, for conversations without one
    """

    engine: Engine
    adapter: Adapter | None = None
    system_prompt: str | None = None

    def prompt_ids(self, messages: Conversation) -> list[int]:
        """Return the tokens of a conversation; raises InputError where the template refuses it."""
        if self.system_prompt and all(message["role"] != "system" for message in messages):
            messages = [{"role": "system", "content": self.system_prompt}, *messages]
        return self.engine.base.chat.prompt_ids(messages)


class Engines:
    """One engine for each base that is in use, by the digest of its weights.

    All is called in the thread of the model store, but for `all`.
    """

    def __init__(self) -> None:
        self._by_digest: dict[str, Engine] = {}

    def open(self, folder: Path) -> Engine:
        """Return the engine of the checkpoint in a folder, loaded where it is not yet."""
        digest = weights_digest(folder)
        if digest not in self._by_digest:
            self._by_digest = {**self._by_digest, digest: Engine(open_base(folder))}
        return self._by_digest[digest]

    def keep(self, policies: list[ServedPolicy]) -> None:
        """Let go of the bases and adapters that none of these policies uses."""
        used = {policy.engine for policy in policies}
        for engine in used:
            engine.hold(
                policy.adapter
                for policy in policies
                if policy.engine is engine and policy.adapter is not None
            )
        for engine in set(self.all()) - used:
            engine.close()
        self._by_digest = {key: each for key, each in self._by_digest.items() if each in used}

    def load(self) -> dict[str, int]:
        """Return how many answers are being written, and how many wait, on all bases."""
        loads = [engine.load for engine in self.all()]
        return {name: sum(load[name] for load in loads) for name in ("writing", "waiting")}

    def all(self) -> Iterator[Engine]:
        """Return the engines in use. From any thread: the mapping is replaced, never changed."""
        return iter(self._by_digest.values())


def load_policy(artifact: Artifact, engines: Engines) -> ServedPolicy:
    """Return a policy artifact over the engine of its base.

    Raises InputError where the base is missing, or not the one that the adapter was trained on.
    """
    engine = engines.open(base_folder(artifact))
    adapter = read_adapter(artifact.path, engine.base.model)
    return ServedPolicy(engine, adapter, artifact.card["config"].get("system_prompt"))


def adapter_bytes(folder: Path) -> int:
    """Return the size of an adapter's file."""
    return (folder / WEIGHTS).stat().st_size
