"""The pairs that the shipped adapters learn a manner from."""

import json
import re

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from feedback.pool.starter.adapters import WEIGHTS, ship
from feedback.pool.starter.manners import MANNERS, preference_rows, recorded, sentences
from trainers.artifacts import open_artifact, write_artifact
from trainers.data.formats import read
from trainers.pretrained.adapters import specialities

PROMPT = "Answer well."


@pytest.fixture(scope="module", params=MANNERS)
def manner(request):
    return request.param


def test_every_manner_has_pairs_of_recorded_prompts_under_the_system_prompt(manner):
    rows = list(preference_rows(manner, PROMPT))
    assert len(rows) >= 16
    for row in rows:
        system, user = row["prompt"]
        assert system == {"role": "system", "content": PROMPT}
        assert user["content"] in recorded()
        assert row["chosen"][0]["content"].strip()
        assert row["chosen"] != row["rejected"]


def test_every_row_is_of_the_format_that_the_command_line_reads(manner, tmp_path):
    rows = list(preference_rows(manner, PROMPT))
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert len(list(read(file, format="trl", profile=None))) == len(rows)


def test_every_shipped_adapter_has_a_manner():
    assert {each.adapter for each in specialities().values() if each.adapter} == set(MANNERS)


def answers_of(manner):
    rows = preference_rows(manner, PROMPT)
    return [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows]


def test_brief_answers_are_the_beginning_of_the_whole_one():
    for chosen, rejected in answers_of("brief"):
        assert rejected.startswith(chosen)
        assert len(chosen) < 0.7 * len(rejected)
        assert len(sentences(chosen)) <= 2


def test_steps_say_the_same_as_the_paragraph_and_are_numbered():
    for chosen, rejected in answers_of("steps"):
        lines = chosen.split("\n")
        assert [line.split(". ")[0] for line in lines] == [str(n + 1) for n in range(len(lines))]
        assert " ".join(re.sub(r"^\d+\. ", "", line) for line in lines) == rejected


def test_careful_answers_on_health_are_the_longer_and_sounder_ones():
    grades = {
        (model, prompt): row["grade"]
        for prompt, answers in recorded().items()
        for model, row in answers.items()
    }
    for row in preference_rows("health", PROMPT):
        prompt = row["prompt"][1]["content"]
        careful = min(grades.get((m, prompt), 10) for m in ("House Medic", "House Generalist"))
        careless = [grades.get((m, prompt), 0) for m in ("House Mini", "House Writer")]
        assert careful > max(careless)


def test_what_is_shipped_is_the_update_times_its_strength_in_half_precision(tmp_path):
    def write(folder):
        tensors = {
            f"layer.lora_{side}.weight": np.full((2, 2), value, np.float32)
            for side, value in (("A", 3.0), ("B", 4.0))
        }
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})

    fields = {"config": {"seed": 1}, "metrics": {"kl": 2.0}, "base": {"name": "b"}}
    write_artifact(tmp_path / "made", kind="policy", card_fields=fields, write_files=write)
    ship(tmp_path / "made", tmp_path / "shipped", 0.5)
    shipped = open_artifact(tmp_path / "shipped")
    assert {name: shipped.card[name] for name in fields} == fields
    assert shipped.card["strength"] == 0.5
    found = load_file(shipped.path / WEIGHTS)
    assert {str(tensor.dtype) for tensor in found.values()} == {"float16"}
    update = found["layer.lora_B.weight"] @ found["layer.lora_A.weight"]
    assert (update == 0.5 * 4.0 * 3.0 * 2).all()
