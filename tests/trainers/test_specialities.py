"""What is served of the packaged checkpoint, and that reading it needs no torch."""

import subprocess
import sys
import tomllib
from importlib.resources import files

from trainers.pretrained.adapters import shipped_adapters, specialities
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
