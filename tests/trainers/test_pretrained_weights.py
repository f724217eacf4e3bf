"""Which weights a checkpoint has: what its digest depends on, and what it does not."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from trainers.errors import InputError
from trainers.pretrained.weights import weights_digest

TYPES = {"F32": np.float32, "F16": np.float16, "I64": np.int64}
Tensors = dict[str, tuple[str, tuple[int, ...], bytes]]  # by name: type, shape, bytes


@st.composite
def tensors(draw: st.DrawFn) -> Tensors:
    found: Tensors = {}
    for name in draw(st.lists(st.text("abc.01", min_size=1), min_size=1, max_size=6, unique=True)):
        kind = draw(st.sampled_from(sorted(TYPES)))
        shape = tuple(draw(st.lists(st.integers(1, 3), max_size=3)))
        length = int(np.prod(shape, dtype=int)) * np.dtype(TYPES[kind]).itemsize
        found[name] = (kind, shape, draw(st.binary(min_size=length, max_size=length)))
    return found


def write(path: Path, held: Tensors, **metadata: str) -> None:
    """A safetensors file with its tensors in the order given."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    body = b""
    for name, (kind, shape, data) in held.items():
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": offsets}
        body += data
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=tensors(), draws=st.data())
def test_the_digest_is_of_the_tensors_whatever_the_files_look_like(
    held: Tensors, draws: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    one, many = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("many")
    write(one / "model.safetensors", held)
    names = draws.draw(st.permutations(sorted(held)))
    shards: dict[int, Tensors] = {}
    for name in names:
        shards.setdefault(draws.draw(st.integers(0, 2)), {})[name] = held[name]
    for number, shard in shards.items():
        write(many / f"model-{number}.safetensors", shard, format="pt", by=str(number))
        assert set(load_file(many / f"model-{number}.safetensors")) == set(shard)
    digest = weights_digest(one)
    assert weights_digest(many) == digest

    changed = draws.draw(st.sampled_from(names))
    kind, shape, data = held[changed]
    others = {name: tensor for name, tensor in held.items() if name != changed}
    twins = {
        "byte": others | {changed: (kind, shape, bytes([data[0] ^ 1]) + data[1:])},
        "shape": others | {changed: (kind, (1, *shape), data)},
        "name": others | {f"{changed}!": held[changed]},
    }
    for what, twin in twins.items():
        folder = tmp_path_factory.mktemp(what)
        write(folder / "model.safetensors", twin)
        assert weights_digest(folder) != digest, what


def test_equal_bytes_of_another_type_are_other_weights(tmp_path: Path) -> None:
    for kind in ("F16", "BF16"):
        (tmp_path / kind).mkdir()
        write(tmp_path / kind / "model.safetensors", {"w": (kind, (1,), b"ab")})
    assert weights_digest(tmp_path / "F16") != weights_digest(tmp_path / "BF16")


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"{tmp_path}: holds no safetensors file"):
        weights_digest(tmp_path)


@pytest.mark.parametrize("kept", [0, 4, 20, -1], ids=["nothing", "length", "header", "tensors"])
def test_a_truncated_file_is_named(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "model.safetensors"
    write(path, {"w": ("F32", (2,), b"12345678")})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=rf"{path}: is damaged"):
        weights_digest(tmp_path)


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write(path, {"w": ("F32", (1,), b"1234")})
    before = weights_digest(tmp_path)
    write(path, {"w": ("F32", (2,), b"12345678")})
    assert weights_digest(tmp_path) != before
