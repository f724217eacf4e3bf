"""What the report shows: answers of policy and reference, their rewards, lengths and flaws."""

import json

import numpy as np
import pytest

from tests.trainers.toys import small_config
from trainers.artifacts import open_artifact
from trainers.policy.adapter import load_policy
from trainers.policy.evaluate import held_out_pairs, open_scorer, prompts_of, unreported
from trainers.policy.flaws import flaws_of, repeats
from trainers.policy.generate import Sampling, sample_answers
from trainers.policy.pairs import Pool
from trainers.policy.samples import BATCH, SEED_STRIDE, sample_report
from trainers.reward.model import Answer

ASKED = {
    f"p{number}": [{"role": "user", "content": f"Explain {topic}, please"}]
    for number, topic in enumerate(("tea", "wind", "maps", "chess", "bread", "cats"))
}


@pytest.fixture(scope="module")
def policy(toy_policy):
    return load_policy(toy_policy, "cpu")


@pytest.fixture(scope="module")
def scored(toy_reward):
    changes = {"reward_model": str(toy_reward), "sampling.num_answers": 3}
    return small_config(changes)


@pytest.fixture(scope="module")
def report(policy, scored):
    return sample_report(policy, scored, ASKED, open_scorer(scored), unreported)


def test_every_prompt_has_its_answers_and_they_differ(report):
    assert [row["prompt_id"] for row in report.rows] == [name for name in ASKED for _ in range(3)]
    for name, messages in ASKED.items():
        rows = [row for row in report.rows if row["prompt_id"] == name]
        assert all(row["messages"] == messages for row in rows)
        assert len({row["reference"] for row in rows}) > 1


def test_rewards_are_those_of_the_texts_that_are_shown(report, scored):
    scorer = open_scorer(scored)
    for column, reward in (("policy", "reward"), ("reference", "reference_reward")):
        answers = [Answer(row["messages"], row[column]) for row in report.rows]
        assert [row[reward] for row in report.rows] == pytest.approx(scorer.scores(answers))


def test_the_gain_is_paired_by_prompt(report):
    """The interval of the gain is that of the differences, not of two means apart."""
    gains = np.array([row["reward"] - row["reference_reward"] for row in report.rows])
    metrics = report.metrics
    assert metrics["reward_gain"] == pytest.approx(gains.mean())
    assert metrics["reward_gain"] == pytest.approx(
        metrics["reward_mean"] - metrics["reward_reference_mean"]
    )
    by_prompt = gains.reshape(len(ASKED), 3).mean(1)
    low, high = metrics["reward_gain_ci"]
    assert by_prompt.min() <= low <= metrics["reward_gain"] <= high <= by_prompt.max()
    assert (metrics["n_sampled"], metrics["n_sampled_prompts"]) == (18, 6)


def test_lengths_are_in_tokens_and_seeds_those_of_the_run(policy):
    """Drawn again by hand: one batch, in which the prompts stand once an answer."""
    config = small_config({"sampling.num_answers": 2, "seed": 3})
    metrics = sample_report(policy, config, ASKED, None, unreported).metrics
    prompts = [policy.dialogue.prompt_ids(messages) for messages in ASKED.values() for _ in "12"]
    how = Sampling(max_tokens=config.sampling.max_new_tokens, seed=3 * SEED_STRIDE)
    drawn = sample_answers(policy.model, policy.tokenizer, prompts, how)
    assert metrics["length_mean"] == np.mean([len(tokens) for tokens in drawn])
    with policy.model.disable_adapter():
        drawn = sample_answers(policy.model, policy.tokenizer, prompts, how)
    assert metrics["length_reference_mean"] == np.mean([len(tokens) for tokens in drawn])


def test_more_answers_than_a_batch_are_drawn_from_another_stream(policy):
    """The same prompt in two batches must not be answered with the same words."""
    config = small_config({"sampling.num_answers": 2 * BATCH})
    asked = {"p": ASKED["p0"]}
    rows = sample_report(policy, config, asked, None, unreported).rows
    texts = [row["reference"] for row in rows]
    assert texts[:BATCH] != texts[BATCH:]


def test_without_a_reward_model_the_rewards_are_absent(policy):
    found = sample_report(policy, small_config(), ASKED, None, unreported)
    assert all(row["reward"] is row["reference_reward"] is None for row in found.rows)
    assert not {"reward_mean", "reward_gain"} & set(found.metrics)


def test_at_temperature_0_all_answers_to_a_prompt_are_the_likeliest(policy):
    config = small_config({"sampling.num_answers": 2, "sampling.temperature": 0})
    rows = sample_report(policy, config, ASKED, None, unreported).rows
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        assert (first["policy"], first["reference"]) == (second["policy"], second["reference"])


def test_the_artifact_holds_the_samples_of_its_test_prompts(toy_policy, toy_snapshot):
    rows = json.loads((open_artifact(toy_policy.path).path / "samples.json").read_text())
    config = small_config()
    held = prompts_of(held_out_pairs(Pool.read(toy_snapshot), config))
    assert [row["prompt_id"] for row in rows] == list(held)[: config.sampling.num_prompts]
    assert set(rows[0]) == {
        *("prompt_id", "messages", "policy", "reference", "reward", "reference_reward")
    }


END = {0}


@pytest.mark.parametrize(
    ("tokens", "text", "wanted"),
    [
        ([5, 6, 0], "fine", set()),
        ([0], "", {"empty", "any"}),
        ([5, 0], " \n", {"empty", "any"}),
        ([5, 6, 7], "no end", {"cut", "any"}),
        ([], "", {"empty", "cut", "any"}),
        ([5, 6] * 20 + [0], "5 6 5 6", {"repeating", "any"}),
        ([5] * 40, "5 5 5", {"repeating", "cut", "any"}),
    ],
)
def test_flaws_are_told_from_the_tokens(tokens, text, wanted):
    assert {name for name, there in flaws_of(tokens, text, END).items() if there} == wanted


def test_a_refrain_is_no_repetition_and_a_loop_is_one():
    verse = list(range(100, 130))
    refrain = [1, 2, 3, 4, 5, 6]
    assert not repeats([*verse[:15], *refrain, *verse[15:], *refrain])
    assert repeats([*verse, *(refrain * 12)])
    assert not repeats([7] * 10)  # too short to say
