"""Training end to end on a toy preference: what moves, what is learnt, what is written."""

import io
import json

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.trainers.toys import small_config
from trainers.artifacts import open_artifact
from trainers.data.snapshot import SnapshotWriter
from trainers.errors import InputError
from trainers.policy.adapter import add_adapter, load_policy
from trainers.policy.base import load_base
from trainers.policy.config import POLICY
from trainers.policy.dialogue import Dialogue
from trainers.policy.evaluate import (
    evaluate,
    evaluate_prompts,
    implicit_rewards,
    unreported,
)
from trainers.policy.fit import Example, fit_adapter
from trainers.policy.logprobs import all_pair_log_probs
from trainers.policy.pairs import Pool, tokenize_pairs
from trainers.policy.samples import sample_report
from trainers.policy.train import train
from trainers.progress import Progress

CPU = torch.device("cpu")


def quiet() -> Progress:
    return Progress(io.StringIO())


def measured_after_training(artifact):
    """Return the card's metrics but the one that only the training itself can see."""
    metrics = artifact.card["metrics"]
    return {name: metrics[name] for name in metrics if name != "initial_margin_rms"}


@pytest.fixture(scope="module")
def policy(toy_policy):
    return load_policy(toy_policy, "cpu")


@pytest.fixture(scope="module")
def retrained(toy_snapshot, toy_policy, toy_reward, tmp_path_factory):
    """A second policy, on the first one's base as an external checkpoint, with a reward model."""
    config = small_config(
        {
            "model_name_or_path": str(toy_policy.path / "base"),
            "reward_model": str(toy_reward),
            "optim.max_steps": 3,
        }
    )
    out = tmp_path_factory.mktemp("retrained") / "second"
    return train(toy_snapshot, out, config, quiet())


def test_every_adapter_weight_moves_and_no_base_weight_does(toy_snapshot, toy_policy):
    config = small_config({"optim.max_steps": 3})
    base = load_base(toy_policy.path / "base", CPU, torch.float32)
    model = add_adapter(base, config)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    pairs = Pool.read(toy_snapshot).pairs("train", limit=32, seed=0)
    tokens = tokenize_pairs(pairs, Dialogue(base.tokenizer, config.max_length))
    pad = base.tokenizer.pad_token_id
    with model.disable_adapter():
        reference = all_pair_log_probs(model, tokens, pad, 8, unreported).T.tolist()
    examples = [
        Example(pair=t, reference=(c, r)) for t, (c, r) in zip(tokens, reference, strict=True)
    ]
    fit_adapter(model, examples, pad, config, quiet())
    moved = {n for n, w in model.named_parameters() if not torch.equal(w, before[n])}
    adapter = {name for name in before if "lora_" in name}
    assert moved == adapter
    layers = 2 * 7  # two layers of query, key, value, output, gate, up, down; A and B each
    assert len(adapter) == 2 * layers


def test_a_fresh_adapter_is_the_reference(toy_snapshot, toy_policy):
    config = small_config()
    base = load_base(toy_policy.path / "base", CPU, torch.float32)
    model = add_adapter(base, config)
    pairs = Pool.read(toy_snapshot).pairs("train", limit=8, seed=0)
    tokens = tokenize_pairs(pairs, Dialogue(base.tokenizer, config.max_length))
    now = all_pair_log_probs(model, tokens, base.tokenizer.pad_token_id, 8, unreported)
    with model.disable_adapter():
        reference = all_pair_log_probs(model, tokens, base.tokenizer.pad_token_id, 3, unreported)
    torch.testing.assert_close(now, reference, atol=1e-4, rtol=0)


def test_the_toy_preference_is_learnt(policy, toy_snapshot):
    config = POLICY.stored(policy.card["config"])
    pairs = Pool.read(toy_snapshot).pairs("train", limit=1000, seed=0)
    found = implicit_rewards(policy, config, pairs)
    assert found.right.mean() > 0.9
    assert found.margin.mean() > 0
    assert policy.card["metrics"]["implicit_accuracy"] > 0.5


def test_the_artifact_reloads_to_the_same_numbers(toy_policy, toy_snapshot):
    found = evaluate(open_artifact(toy_policy.path), toy_snapshot)
    assert found == measured_after_training(toy_policy)


def test_transformers_and_peft_load_the_artifact_by_themselves(toy_policy, policy):
    base = AutoModelForCausalLM.from_pretrained(toy_policy.path / "base")
    model = PeftModel.from_pretrained(base, toy_policy.path).eval()
    tokenizer = AutoTokenizer.from_pretrained(toy_policy.path / "base")
    asked = [{"role": "user", "content": "Explain tea, please"}]
    text = tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
    ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
    assert ids[0].tolist() == policy.dialogue.prompt_ids(asked)
    with torch.inference_mode():
        assert torch.equal(model(input_ids=ids).logits, policy.model(input_ids=ids).logits)


def test_the_adapter_disabled_is_the_base(toy_policy, policy):
    base = load_base(toy_policy.path / "base", CPU, torch.float32)
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode(), policy.model.disable_adapter():
        assert torch.equal(base.model(input_ids=ids).logits, policy.model(input_ids=ids).logits)


def test_equal_runs_write_equal_artifacts_and_another_seed_another(
    toy_snapshot, toy_policy, tmp_path
):
    again = train(toy_snapshot, tmp_path / "again", small_config(), quiet())
    assert again.digest == toy_policy.digest
    assert again.card["metrics"] == toy_policy.card["metrics"]
    other = train(
        toy_snapshot, tmp_path / "other", small_config({"seed": 1, "tiny.max_steps": 2}), quiet()
    )
    assert other.digest != toy_policy.digest


def test_metrics_have_the_names_of_the_contract_with_intervals(toy_policy):
    metrics = toy_policy.card["metrics"]
    for name in ("implicit_accuracy", "implicit_margin", "kl"):
        low, high = metrics[f"{name}_ci"]
        assert low <= metrics[name] <= high
    assert metrics["n"] > 0
    assert "reward_mean" not in metrics  # no reward model was given


def test_every_prompt_has_its_share_of_the_accuracy(toy_policy, toy_snapshot):
    table = evaluate_prompts(toy_policy, toy_snapshot).to_pandas()
    metrics = toy_policy.card["metrics"]
    assert table["n"].sum() == metrics["n"]
    assert np.average(table["score"], weights=table["n"]) == pytest.approx(
        metrics["implicit_accuracy"]
    )
    assert len(set(table["prompt_id"])) == len(table) == metrics["n_prompts"]


def test_an_external_checkpoint_is_named_and_not_copied(retrained, toy_policy, toy_snapshot):
    base = str(toy_policy.path / "base")
    assert retrained.card["config"]["model_name_or_path"] == base
    adapter = json.loads((retrained.path / "adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == base
    assert not (retrained.path / "base").exists()
    assert evaluate(retrained, toy_snapshot) == measured_after_training(retrained)


def test_a_reward_model_scores_sampled_answers_of_policy_and_reference(retrained):
    metrics = retrained.card["metrics"]
    for name in ("reward_mean", "reward_reference_mean"):
        low, high = metrics[f"{name}_ci"]
        assert low <= metrics[name] <= high


def test_an_untouched_policy_is_no_distance_from_its_reference(toy_snapshot, toy_policy, policy):
    config = small_config()
    base = load_base(toy_policy.path / "base", CPU, torch.float32)
    fresh = type(policy)(add_adapter(base, config).eval(), policy.dialogue, {})
    asked = {name: [{"role": "user", "content": f"Explain {name}, please"}] for name in "abc"}
    untouched = sample_report(fresh, config, asked, None, unreported)
    assert untouched.metrics["kl"] == pytest.approx(0, abs=1e-6)
    # Drawn with the same seeds at the same temperature.
    assert all(row["policy"] == row["reference"] for row in untouched.rows)
    assert sample_report(policy, config, asked, None, unreported).metrics["kl"] > 0.01


def test_cut_texts_are_counted_in_the_card(toy_snapshot, toy_policy, tmp_path):
    assert toy_policy.card["training"]["cut"] == {"prompts": 0, "answers": 0}
    config = small_config({"max_length": 16, "tiny.max_steps": 2, "optim.max_steps": 1})
    cut = train(toy_snapshot, tmp_path / "cut", config, quiet()).card["training"]["cut"]
    assert cut["prompts"] > 0


def test_progress_rises_from_base_to_evaluation(toy_snapshot, tmp_path):
    stream = io.StringIO()
    config = small_config({"tiny.max_steps": 3, "optim.max_steps": 2})
    train(toy_snapshot, tmp_path / "out", config, Progress(stream))
    rows = [json.loads(line) for line in stream.getvalue().splitlines()]
    fractions = [row["progress"] for row in rows]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert list(dict.fromkeys(row["phase"] for row in rows)) == [
        "base",
        "reference",
        "train",
        "evaluate",
        "sample",
    ]


def test_a_snapshot_without_pairs_is_unusable_input(tmp_path):
    from trainers.data.snapshot import Snapshot

    with SnapshotWriter(tmp_path / "empty") as writer:
        writer.finish(filters={}, licence="CC0-1.0")
    with pytest.raises(InputError, match="no comparison in the train split"):
        train(Snapshot.open(tmp_path / "empty"), tmp_path / "out", small_config(), quiet())
    assert not (tmp_path / "out").exists()


def test_a_base_that_is_no_checkpoint_is_unusable_input(toy_snapshot, tmp_path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match="nothing"):
        train(
            toy_snapshot,
            tmp_path / "out",
            small_config({"model_name_or_path": str(tmp_path / "nothing")}),
            quiet(),
        )


def test_a_reward_artifact_that_is_broken_is_refused_before_the_work(toy_snapshot, tmp_path):
    with pytest.raises(InputError, match=r"card\.json"):
        train(
            toy_snapshot, tmp_path / "out", small_config({"reward_model": str(tmp_path)}), quiet()
        )
