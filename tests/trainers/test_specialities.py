"""What is served of the packaged checkpoint, and that reading it needs no torch."""

import json
import subprocess
import sys
import tomllib
from importlib.resources import files

import numpy as np
import pytest
from safetensors.numpy import load_file

from trainers.artifacts import open_artifact
from trainers.pretrained.adapters import FOLDER, shipped_adapters, specialities
from trainers.pretrained.checkpoints import PACKAGED


def test_every_adapter_is_served_under_its_name_over_a_packaged_checkpoint():
    assert set(shipped_adapters("smollm2")) == set(specialities()) - {"smollm2-135m"}
    assert {each.base for each in specialities().values()} <= set(PACKAGED)
    assert len({each.adapter for each in specialities().values()}) == len(specialities())


def test_no_system_prompt_names_a_model():
    """Answers are compared blind, and a model repeats what it was told."""
    for each in specialities().values():
        assert "smol" not in each.system_prompt.lower()
        assert each.system_prompt  # without one the chat template writes one, with the name


def test_topics_are_those_of_the_starter_pool():
    known = tomllib.loads((files("feedback.pool.starter") / "models.toml").read_text())
    topics = {topic for model in known["models"] for topic in model["topics"]}
    assert {topic for each in specialities().values() for topic in each.topics} <= topics


def test_reading_them_imports_no_torch():
    code = (
        "import sys; from trainers.pretrained.adapters import specialities; specialities(); "
        "print(sorted({'torch', 'transformers', 'peft'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sorted(shipped_adapters("smollm2")))
def test_every_shipped_adapter_is_whole_small_and_of_the_pinned_checkpoint(name):
    folder = shipped_adapters("smollm2")[name]
    artifact = open_artifact(folder)  # refuses a file that differs from its card
    assert artifact.kind == "policy"
    assert artifact.card["base"] == {"name": "smollm2", "weights": PACKAGED["smollm2"].weights}
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 2_000_000
    tensors = load_file(folder / "adapter_model.safetensors")
    assert {str(tensor.dtype) for tensor in tensors.values()} == {"float16"}
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())


def test_every_adapter_was_trained_under_the_prompt_it_is_served_with():
    for each in specialities().values():
        if each.adapter:
            samples = json.loads((FOLDER / each.adapter / "samples.json").read_text())
            systems = {row["messages"][0]["content"] for row in samples}
            assert systems == {each.system_prompt}
