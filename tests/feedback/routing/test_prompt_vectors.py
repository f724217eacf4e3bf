"""Vectors of prompts: who gets one, what is like what, and encoders that must not be mixed."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from pytest_django import Settings

from feedback.errors import UnavailableError
from feedback.pool.hashing import messages_hash
from feedback.pool.models import Conversation, Turn
from feedback.routing.decision import decide, prompt_read
from feedback.routing.prompt_vectors import backfill, client
from feedback.routing.prompt_vectors.backfill import prompts_encode
from feedback.routing.prompt_vectors.models import PromptEncoder, PromptVector
from feedback.routing.prompt_vectors.store import (
    EncoderChangedError,
    encoder_trouble,
    turns_like,
    vectors_of,
)
from feedback.routing.tasks import encode_prompts
from feedback.training.models import Checkpoint
from tests.feedback.arena.openai.servers import inference_server
from tests.feedback.builders import make_version
from tests.feedback.routing.artifacts import promote, write_embedding
from tests.feedback.routing.encoder_server import EncoderServer, serving

pytestmark = pytest.mark.django_db

ANGLES = {"north": 0.0, "north by east": 0.2, "north-east": 0.8, "east": 1.5, "south": 3.1}


def directions(text: str) -> list[float]:
    """Where a text points to; what is not known, west."""
    angle = ANGLES.get(text, 4.7)
    return [float(np.cos(angle)), float(np.sin(angle))]


@pytest.fixture
def server(settings: Settings) -> Iterator[EncoderServer]:
    """An inference server that encodes directions."""
    client.client_of.cache_clear()
    with serving() as server:
        server.vector_of = directions
        settings.EMBEDDINGS_URL = server.url
        settings.ROUTING_DEADLINE_SECONDS = 5.0
        yield server


def ask(text: str) -> Turn:
    """A turn of one message, as a person would have it."""
    messages = [{"role": "user", "content": text}]
    return Turn.objects.create(
        conversation=Conversation.objects.create(source="test"),
        messages=messages,
        content_hash=messages_hash(messages),
    )


def key(turn: Turn) -> str:
    return bytes(turn.content_hash).hex()


def encode_all() -> int:
    done = prompts_encode(seconds=30)
    assert done is not None
    return done.encoded


def embedding(folder: Path, size: int = 2, fingerprint: str = "f1") -> Checkpoint:
    """A live embedding that reads vectors of so many numbers."""
    artifact = write_embedding(
        folder / f"{size}{fingerprint}",
        models=["Even", "Odd"],
        vectors=np.array([[4.0, 0.0], [-4.0, 0.0]]),
        projection=np.eye(2, size),
        fingerprint=fingerprint,
    )
    return promote(artifact)


class TestWalk:
    """Every prompt gets its vector, once."""

    def test_each_prompt_is_encoded_once(self, server: EncoderServer) -> None:
        turns = [ask(text) for text in ("north", "south", "north")]
        assert encode_all() == 2
        found = vectors_of(map(key, turns))
        assert set(found) == {key(turns[0]), key(turns[1])}
        np.testing.assert_allclose(found[key(turns[1])], directions("south"), atol=1e-6)
        assert encode_all() == 0
        assert server.calls == 2  # which encoder is it, and the prompts

    def test_what_came_later_is_found_and_what_has_no_text_is_not_asked(
        self, server: EncoderServer
    ) -> None:
        ask("north")
        encode_all()
        asked = Turn.objects.create(
            conversation=Conversation.objects.create(source="votes"),
            question_id="q1",
            content_hash=b"q" * 32,
        )
        late = ask("east")
        assert encode_all() == 1
        assert set(vectors_of([key(asked), key(late)])) == {key(late)}

    def test_many_batches_are_walked_in_one_go(
        self, server: EncoderServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backfill, "BATCH", 3)
        turns = [ask(f"number {number}") for number in range(10)]
        assert encode_all() == 10
        assert len(vectors_of(map(key, turns))) == 10

    def test_when_time_is_up_the_next_walk_goes_on(
        self, server: EncoderServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backfill, "BATCH", 3)
        for number in range(7):
            ask(f"number {number}")
        counts = []
        while (done := prompts_encode(seconds=0)) and done.encoded:
            counts.append(done.encoded)
        assert counts == [3, 3, 1]

    def test_a_turn_that_was_written_late_is_found(self, server: EncoderServer) -> None:
        early, late = ask("north"), ask("east")
        Turn.objects.filter(pk=early.pk).update(messages=[])  # as if not committed yet
        encode_all()
        Turn.objects.filter(pk=early.pk).update(messages=early.messages)
        assert encode_all() == 1
        assert len(vectors_of([key(early), key(late)])) == 2

    def test_a_prompt_that_the_server_refuses_is_left_out_alone(
        self, server: EncoderServer
    ) -> None:
        server.refuses = lambda text: 500 if text == "poison" else 0
        poison, *others = [ask(text) for text in ("poison", "north", "east")]
        done = prompts_encode(seconds=30)
        assert done is not None
        assert (done.encoded, done.refused) == (2, 1)
        assert set(vectors_of(map(key, [poison, *others]))) == set(map(key, others))

    def test_a_dead_server_is_tried_again_by_the_next_walk(
        self, server: EncoderServer, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        ask("north")
        settings.EMBEDDINGS_URL = "http://127.0.0.1:9"
        encode_prompts()
        assert "does not encode" in caplog.text
        assert vectors_of([]) == {}
        settings.EMBEDDINGS_URL = server.url
        encode_prompts()
        assert PromptVector.objects.count() == 1

    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_a_busy_server_is_left_alone_at_once(self, server: EncoderServer, status: int) -> None:
        ask("north")
        ask("east")
        encode_all()
        ask("south")
        before = server.calls
        server.refuses = lambda _: status
        with pytest.raises(UnavailableError):
            prompts_encode(seconds=30)
        assert server.calls == before + 1

    def test_a_server_that_refuses_everything_is_not_well(self, server: EncoderServer) -> None:
        ask("north")
        server.refuses = lambda text: 0 if "Which" in text else 500
        with pytest.raises(UnavailableError, match="500"):
            prompts_encode(seconds=30)

    @pytest.mark.parametrize("text", ["", "ẞ🂡 ꙮ ᚠᛇᚻ", "x" * 100_000])
    def test_any_prompt_has_a_vector(self, server: EncoderServer, text: str) -> None:
        turn = ask(text)
        assert encode_all() == 1
        assert set(vectors_of([key(turn)])) == {key(turn)}


@pytest.mark.django_db(transaction=True)
def test_two_walks_at_once_do_the_work_of_one(server: EncoderServer) -> None:
    for number in range(5):
        ask(f"number {number}")
    server.delay = 0.3
    done: list[int | None] = []

    def walk() -> None:
        found = prompts_encode(seconds=30)
        done.append(found and found.encoded)
        connection.close()

    threads = [threading.Thread(target=walk) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(count or 0 for count in done) == 5
    assert None in done
    assert encode_all() == 0


class TestLike:
    """Prompts like this one."""

    def test_the_nearest_come_first(self, server: EncoderServer) -> None:
        turns = {text: ask(text) for text in ANGLES}
        ask("north by east")  # the same words again
        encode_all()
        found = turns_like(turns["north"], limit=3)
        assert [one.turn for one in found] == [
            turns["north by east"],
            turns["north-east"],
            turns["east"],
        ]
        assert [one.similarity for one in found] == pytest.approx(
            [np.cos(0.2), np.cos(0.8), np.cos(1.5)], abs=1e-6
        )

    def test_what_is_out_of_circulation_is_not_shown(self, server: EncoderServer) -> None:
        north, near, east = (ask(text) for text in ("north", "north by east", "east"))
        encode_all()
        Turn.objects.filter(pk=near.pk).update(withheld_at="2026-01-01T00:00Z")
        assert [one.turn for one in turns_like(north)] == [east]

    def test_a_turn_that_is_not_encoded_yet_has_none(self, server: EncoderServer) -> None:
        assert turns_like(ask("north")) == []
        encode_all()
        assert turns_like(ask("new")) == []

    def test_the_index_finds_them(self) -> None:
        """384 numbers, as the packaged encoder gives: by the index, and what a scan finds, too."""
        rng = np.random.default_rng(5)
        used = PromptEncoder.objects.create(
            name="e", version="1", dimension=384, adopted_at="2026-01-01T00:00Z"
        )
        middles = rng.normal(size=(20, 384))
        turns = [ask(f"number {number}") for number in range(400)]
        vectors = middles[np.arange(400) % 20] + 0.3 * rng.normal(size=(400, 384))
        PromptVector.objects.bulk_create(
            PromptVector(content_hash=turn.content_hash, encoder=used, dimension=384, vector=vector)
            for turn, vector in zip(turns, vectors, strict=True)
        )
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        wanted = np.argsort(-(unit @ unit[7]))[1:11]
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        found = [one.turn for one in turns_like(turns[7])]
        assert len(set(found) & {turns[number] for number in wanted}) >= 9


class TestAnotherEncoder:
    """Vectors of two encoders are never mixed, and the way out is named."""

    def test_the_walk_refuses_another_dimension(self, server: EncoderServer) -> None:
        ask("north")
        encode_all()
        ask("east")
        server.vector_of = lambda _: [1.0, 0.0, 0.0]
        with pytest.raises(EncoderChangedError, match="prompts_encode"):
            prompts_encode(seconds=30)
        assert set(PromptVector.objects.values_list("dimension", flat=True)) == {2}

    def test_the_walk_refuses_another_encoder_of_the_same_dimension(
        self, server: EncoderServer
    ) -> None:
        ask("north")
        encode_all()
        late = ask("east")
        server.fingerprint = "f2"
        with pytest.raises(EncoderChangedError, match="f2"):
            prompts_encode(seconds=30)
        with pytest.raises(EncoderChangedError, match="prompts_encode"):
            turns_like(late)

    @pytest.mark.parametrize("before", ["770fc4b016b95ee7-128", "770fc4b016b95ee7" * 4])
    def test_the_same_encoder_with_another_window_or_none_told_is_another(
        self, server: EncoderServer, tmp_path: Path, before: str
    ) -> None:
        server.fingerprint = before
        turn = ask("north")
        encode_all()
        embedding(tmp_path, fingerprint=before)
        assert len(vectors_of([key(turn)])) == 1
        ask("east")
        server.fingerprint = "770fc4b016b95ee7-256"
        with pytest.raises(EncoderChangedError) as refused:
            prompts_encode(seconds=30)
        for words in ("manage.py prompts_encode", "770fc4b016b95ee7-256", before[:24]):
            assert words in str(refused.value.message)
        call_command("prompts_encode")
        assert "train another embedding" in encoder_trouble()
        embedding(tmp_path, fingerprint="770fc4b016b95ee7-256")
        assert encoder_trouble() == ""

    def test_vectors_that_the_embedding_cannot_read_are_refused(
        self, server: EncoderServer, tmp_path: Path
    ) -> None:
        turn = ask("north")
        encode_all()
        embedding(tmp_path, size=3)
        with pytest.raises(EncoderChangedError, match="prompts_encode"):
            vectors_of([key(turn)])
        assert "3 numbers" in encoder_trouble()

    def test_a_server_of_somebody_else_tells_no_fingerprint(
        self, server: EncoderServer, tmp_path: Path
    ) -> None:
        server.fingerprint = ""
        turn = ask("north")
        encode_all()
        embedding(tmp_path)
        assert len(vectors_of([key(turn)])) == 1

    @pytest.mark.parametrize(("size", "fingerprint"), [(3, "f1"), (2, "f2")])
    def test_a_route_goes_on_without_the_prompt(
        self, server: EncoderServer, tmp_path: Path, size: int, fingerprint: str
    ) -> None:
        embedding(tmp_path, size=size, fingerprint=fingerprint)
        read = prompt_read([{"role": "user", "content": "north"}])
        assert (read.vector, read.unused) == (None, "encoder_changed")

    def test_readyz_is_degraded_and_names_the_command(
        self, server: EncoderServer, client: Client
    ) -> None:
        ask("north")
        encode_all()
        ask("east")
        server.fingerprint = "f2"
        encode_prompts()
        said = encoder_trouble()
        assert "manage.py prompts_encode" in said
        answer = client.get("/readyz").json()
        assert (answer["status"], answer["checks"]["inference"]["ok"]) == ("degraded", False)
        assert answer["checks"]["inference"]["detail"] == said

    def test_the_command_encodes_everything_anew(
        self, server: EncoderServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        turns = [ask("north"), ask("east")]
        encode_all()
        server.vector_of, server.fingerprint = lambda text: [*directions(text), 1.0], "f2"
        call_command("prompts_encode")
        printed = json.loads(capsys.readouterr().out.splitlines()[-1])
        printed.pop("seconds")
        assert printed == {
            "encoder": "encoder f2 (3 numbers)",
            "dimension": 3,
            "encoded": 2,
            "refused": 0,
            "removed": 2,
        }
        assert {len(vector) for vector in vectors_of(map(key, turns)).values()} == {3}
        assert encoder_trouble() == ""
        assert encode_all() == 0

    def test_the_command_without_a_server_changes_nothing(
        self, server: EncoderServer, settings: Settings
    ) -> None:
        turn = ask("north")
        encode_all()
        settings.EMBEDDINGS_URL = "http://127.0.0.1:9"
        with pytest.raises(CommandError, match="does not encode"):
            call_command("prompts_encode")
        assert len(vectors_of([key(turn)])) == 1

    def test_the_command_goes_on_where_it_was_killed(
        self, server: EncoderServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backfill, "BATCH", 2)
        turns = [ask(text) for text in ANGLES]
        encode_all()
        server.fingerprint = "f2"
        server.refuses = lambda text: 503 if text == "south" else 0
        with pytest.raises(CommandError):
            call_command("prompts_encode")
        assert len(vectors_of(map(key, turns))) == 5  # the old ones serve
        server.refuses = lambda _: 0
        server.asked.clear()
        call_command("prompts_encode")
        assert sum(map(len, server.asked)) == 2  # which encoder, and the one that was missing


class TestPromptVector:
    """From memory, from the table, from the encoder: the first that has it."""

    def read(self, text: str) -> str:
        return prompt_read([{"role": "user", "content": text}]).unused

    def test_a_prompt_of_the_pool_needs_no_encoder(
        self, server: EncoderServer, tmp_path: Path, settings: Settings
    ) -> None:
        embedding(tmp_path)
        ask("north")
        encode_all()
        settings.EMBEDDINGS_URL = "http://127.0.0.1:9"
        read = prompt_read([{"role": "user", "content": "north"}])
        able = [make_version(name) for name in ("Even", "Odd")]
        decision = decide(prompt=read, able=able, k=1, policy="best", rng=np.random.default_rng(0))
        assert (decision.fallback, decision.router_version) == ("", "embedding v1")
        np.testing.assert_allclose(decision.belief.means, [4.0, -4.0], atol=1e-6)
        assert self.read("north") == ""
        assert self.read("east") == "encoder_failed"

    def test_a_prompt_is_asked_about_once(self, server: EncoderServer, tmp_path: Path) -> None:
        embedding(tmp_path)
        assert [self.read("north") for _ in range(3)] == ["", "", ""]
        assert server.calls == 1

    def test_nothing_is_kept_in_the_table_of_a_prompt_that_is_only_asked_about(
        self, server: EncoderServer, tmp_path: Path
    ) -> None:
        embedding(tmp_path)
        self.read("north")
        assert not PromptVector.objects.exists()

    def test_a_vector_in_memory_of_another_encoder_is_asked_for_again(
        self, server: EncoderServer, tmp_path: Path
    ) -> None:
        embedding(tmp_path)
        self.read("north")
        server.fingerprint = "f2"
        embedding(tmp_path, fingerprint="f2")
        assert self.read("north") == ""

    @pytest.mark.parametrize("text", ["", "a\x00b", "ẞ🂡 ꙮ ᚠᛇᚻ", "x" * 100_000])
    def test_any_prompt_can_be_routed(
        self, server: EncoderServer, tmp_path: Path, text: str
    ) -> None:
        embedding(tmp_path)
        assert self.read(text) == ""


@pytest.mark.processes
def test_the_real_encoder_finds_what_means_the_same(settings: Settings, tmp_path: Path) -> None:
    real = inference_server(tmp_path)
    real.start()
    try:
        settings.EMBEDDINGS_URL = real.url
        egg, cook, _chess, long = (
            ask(text)
            for text in (
                "How do I boil an egg?",
                "What is the way to cook an egg in water?",
                "Who won the chess championship?",
                "egg " * 25_000,
            )
        )
        assert encode_all() == 4
    finally:
        real.kill()
    found = turns_like(egg)
    assert {found[0].turn, found[1].turn} == {cook, long}
    assert found[0].similarity > found[2].similarity + 0.3
    used = PromptEncoder.objects.get()
    assert (used.dimension, used.version[-4:]) == (384, "-256")
    embedding(tmp_path, size=384, fingerprint=used.version)
    assert encoder_trouble() == ""
    embedding(tmp_path, size=384, fingerprint=used.version.replace("-256", "-128"))
    assert "manage.py prompts_encode" in encoder_trouble()
    with pytest.raises(EncoderChangedError):
        vectors_of([key(egg)])
