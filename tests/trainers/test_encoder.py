"""The sentence encoder: its vectors, its cache, and what does not change them."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from trainers.encoding import encoder as encoder_module
from trainers.encoding.cache import VectorCache, content_key
from trainers.encoding.encoder import DEFAULT_ENCODER, Encoder, checkpoint_digest, encoder_folder
from trainers.errors import InputError
from trainers.pretrained.packages import MINILM

TEXTS = [
    "How do I reverse a linked list?",
    "Write a sonnet about the sea.",
    "What is the derivative of x squared? " * 20,
    "",
    "Привет, как дела?",
    "\x00\ud800 odd characters",
]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRAINERS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(cached=False, device="cpu")


def naive_vector(text: str) -> np.ndarray:
    """Mean of the last hidden states of one unpadded text, in float64, to unit length."""
    folder = encoder_folder(DEFAULT_ENCODER)
    tokens = AutoTokenizer.from_pretrained(folder)(
        text, truncation=True, max_length=256, return_tensors="pt"
    )
    model = AutoModel.from_pretrained(folder, dtype=torch.float64).eval()
    with torch.no_grad():
        mean = model(**tokens).last_hidden_state[0].mean(0).numpy()
    return mean / np.linalg.norm(mean)


def test_vectors_equal_those_of_one_unpadded_text_in_float64(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS[:3])
    for text, vector in zip(TEXTS[:3], vectors, strict=True):
        np.testing.assert_allclose(vector, naive_vector(text), atol=2e-6)


def test_every_text_has_a_unit_vector_of_the_encoders_dimension(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimension) == (len(TEXTS), 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_a_vector_does_not_depend_on_its_company(encoder: Encoder) -> None:
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in reversed(TEXTS)])[::-1]
    # Matrix kernels of some processors round differently by the number of rows.
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_alike_texts_are_nearer_than_unlike_ones(encoder: Encoder) -> None:
    cat, kitten, tax = encoder.encode(
        ["A cat sleeps on the sofa.", "A kitten naps on the couch.", "Corporate tax law reform."]
    )
    assert cat @ kitten > cat @ tax + 0.3


def test_text_beyond_the_window_changes_nothing_and_costs_nothing(encoder: Encoder) -> None:
    start = "word " * 400
    long, longer = encoder.encode([start, start + "other words entirely " * 250_000])
    assert np.array_equal(long, longer)


def test_what_is_cached_needs_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Encoder(device="cpu").encode(TEXTS)
    monkeypatch.setattr(encoder_module, "_pool", None)  # any forward pass would now fail
    assert np.array_equal(Encoder(device="cpu").encode(list(reversed(TEXTS))), first[::-1])


def test_progress_counts_only_what_had_to_be_encoded() -> None:
    Encoder(device="cpu").encode(TEXTS[:2])
    calls: list[tuple[int, int]] = []
    Encoder(device="cpu").encode(TEXTS[:3], lambda done, total: calls.append((done, total)))
    assert calls == [(1, 1)]


def test_any_local_checkpoint_works_and_has_its_own_cache(tmp_path: Path, own_cache: Path) -> None:
    folder = tmp_path / "tiny"
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(encoder_folder(DEFAULT_ENCODER)).save_pretrained(folder)
    tiny = Encoder(str(folder), device="cpu")
    assert tiny.encode(["hello"]).shape == (1, 32)
    Encoder(device="cpu").encode(["hello"])
    assert len(list(own_cache.iterdir())) == 2


def test_another_window_is_another_encoder(own_cache: Path) -> None:
    narrow, wide = (Encoder(device="cpu", max_tokens=tokens) for tokens in (16, 256))
    text = "a long question about bees " * 20
    assert not np.allclose(narrow.encode([text]), wide.encode([text]), atol=1e-3)
    assert narrow.fingerprint.endswith("-16")
    assert wide.fingerprint.endswith("-256")
    layers = Encoder(device="cpu", cached=False, every_layer=True)
    assert len({narrow.fingerprint, wide.fingerprint, layers.fingerprint}) == 3
    caches = {f"{encoder.fingerprint}.vectors" for encoder in (narrow, wide)}
    assert {path.name for path in own_cache.iterdir()} == caches


def test_a_fingerprint_follows_the_checkpoints_files(tmp_path: Path) -> None:
    shutil.copytree(encoder_folder(DEFAULT_ENCODER), tmp_path / "copy")
    copy = str(tmp_path / "copy")
    before = Encoder(copy, cached=False).fingerprint
    assert before == Encoder(cached=False).fingerprint
    assert before == f"{checkpoint_digest(tmp_path / 'copy')[:16]}-256"
    with (tmp_path / "copy" / "vocab.txt").open("a") as vocabulary:
        vocabulary.write("another\n")
    assert Encoder(copy, cached=False).fingerprint != before


def test_an_unknown_encoder_is_named_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="no/such-encoder"):
        Encoder("no/such-encoder")


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json"):
        Encoder(str(tmp_path))


def test_a_cache_with_a_torn_last_record_loses_only_that(tmp_path: Path) -> None:
    path = tmp_path / "torn.vectors"
    vectors = np.arange(8, dtype=np.float32).reshape(2, 4)
    VectorCache(path, 4).add([content_key("a"), content_key("b")], vectors)
    path.write_bytes(path.read_bytes()[:-3])
    cache = VectorCache(path, 4)
    assert cache.find([content_key("a"), content_key("b")])[0].tolist() == [True, False]
    cache.add([content_key("c")], vectors[1:])
    held, found = cache.find([content_key("a"), content_key("c")])
    assert held.all()
    assert np.array_equal(found, vectors)


WRITER = """
import json, sys
import numpy as np
from pathlib import Path
from trainers.encoding.cache import VectorCache, content_key
path, first = Path(sys.argv[1]), int(sys.argv[2])
cache = VectorCache(path, 64)
for number in range(first, first + 300):
    cache.add([content_key(str(number))], np.full((1, 64), number, np.float32))
print(json.dumps("torch" in sys.modules))
"""


def test_processes_that_write_at_once_lose_no_record(tmp_path: Path) -> None:
    path = tmp_path / "shared.vectors"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(first)], stdout=subprocess.PIPE
        )
        for first in (0, 200, 400)
    ]
    for process in running:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        assert json.loads(output) is False  # the cache itself needs no torch
    held, vectors = VectorCache(path, 64).find([content_key(str(n)) for n in range(700)])
    assert held.all()
    assert np.array_equal(vectors[:, 0], np.arange(700))
    assert (vectors == vectors[:, :1]).all()


def test_weights_that_are_damaged_encode_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "damaged_encoder"
    shutil.copytree(encoder_folder(DEFAULT_ENCODER), home / "model")
    weights = home / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(encoder_module, "MINILM", replace(MINILM, module=home.name))
    with pytest.raises(InputError, match=r"model\.safetensors: is damaged .*--force-reinstall"):
        Encoder()
