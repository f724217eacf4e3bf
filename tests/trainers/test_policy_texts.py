"""Conversations as tokens, and tokens drawn one by one."""

import pytest
import torch

from trainers.errors import InputError
from trainers.policy.adapter import load_policy
from trainers.policy.base import train_tokenizer
from trainers.policy.config import POLICY
from trainers.policy.dialogue import Dialogue
from trainers.policy.generate import Sampling, sample_answers
from trainers.policy.pairs import Pool

ASKED = [{"role": "user", "content": "How do I boil an egg?"}]


@pytest.fixture(scope="module")
def tokenizer():
    texts = ["Eight minutes in boiling water.", "¿Qué tal? 茹で卵 🥚"]
    return train_tokenizer([(ASKED, text) for text in texts], 512)


@pytest.fixture(scope="module")
def policy(toy_policy):
    return load_policy(toy_policy, "cpu")


@pytest.mark.parametrize("text", ["plain", "  spaces  kept ", "über 🥚\n\ttabs", "x\u0000y", ""])
def test_every_answer_decodes_to_itself(tokenizer, text):
    dialogue = Dialogue(tokenizer, 64)
    assert dialogue.decode(dialogue.answer_ids(text)) == text
    assert dialogue.answer_ids(text)[-1] == tokenizer.eos_token_id


def test_the_chat_template_opens_the_answer_of_the_assistant(tokenizer):
    ids = Dialogue(tokenizer, 64).prompt_ids(ASKED)
    assert tokenizer.decode(ids) == "<|user|>How do I boil an egg?<|end|><|assistant|>"


def test_a_tokenizer_without_template_gets_the_plain_format(tokenizer):
    template, tokenizer.chat_template = tokenizer.chat_template, None
    try:
        dialogue = Dialogue(tokenizer, 64)
        prompt = tokenizer.decode(dialogue.prompt_ids(ASKED))
        assert prompt == "User: How do I boil an egg?\n\nAssistant:"
        assert dialogue.decode(dialogue.answer_ids("Gently.")) == "Gently."
    finally:
        tokenizer.chat_template = template


def test_a_template_that_refuses_a_conversation_is_unusable_input(tokenizer):
    template = tokenizer.chat_template
    tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    try:
        with pytest.raises(InputError, match="roles must alternate"):
            Dialogue(tokenizer, 64).prompt_ids(ASKED)
    finally:
        tokenizer.chat_template = template


def test_a_lone_surrogate_is_replaced(tokenizer):
    dialogue = Dialogue(tokenizer, 64)
    assert dialogue.decode(dialogue.answer_ids("a\ud800b")) == "a?b"


def test_the_prompt_is_cut_from_its_left_before_an_answer_is_cut(tokenizer):
    dialogue = Dialogue(tokenizer, 20)
    prompt, answers = dialogue.fit(list(range(30)), [[1] * 6, [2] * 10])
    assert (prompt, answers) == (list(range(20, 30)), [[1] * 6, [2] * 10])
    assert (dialogue.cuts.prompts, dialogue.cuts.answers) == (1, 0)


def test_an_answer_that_alone_exceeds_the_window_loses_its_end(tokenizer):
    dialogue = Dialogue(tokenizer, 20)
    prompt, answers = dialogue.fit(list(range(30)), [list(range(40)), [2]])
    assert prompt == list(range(25, 30))
    assert answers == [list(range(15)), [2]]
    assert (dialogue.cuts.prompts, dialogue.cuts.answers) == (1, 1)


def test_what_fits_is_not_cut(tokenizer):
    dialogue = Dialogue(tokenizer, 20)
    assert dialogue.fit([1, 2], [[3] * 18]) == ([1, 2], [[3] * 18])
    assert (dialogue.cuts.prompts, dialogue.cuts.answers) == (0, 0)


def test_pairs_are_turned_so_that_the_chosen_is_preferred(toy_snapshot):
    pairs = Pool.read(toy_snapshot).pairs("train", limit=1000, seed=0)
    assert all("gladly" in pair.chosen and "never" in pair.rejected for pair in pairs)
    assert [pair.label for pair in pairs] == pytest.approx([0.925] * len(pairs))


def test_a_cap_takes_the_same_pairs_again_and_others_under_another_seed(toy_snapshot):
    pool = Pool.read(toy_snapshot)
    first = pool.pairs("train", limit=9, seed=1)
    assert first == pool.pairs("train", limit=9, seed=1)
    assert len(first) == 9
    assert first != pool.pairs("train", limit=9, seed=2)


def test_no_prompt_of_the_test_split_trains(toy_snapshot):
    pool = Pool.read(toy_snapshot)
    train = {pair.prompt_id for pair in pool.pairs("train", limit=1000, seed=0)}
    test = {pair.prompt_id for pair in pool.pairs("test", limit=1000, seed=0)}
    assert train
    assert test
    assert not train & test
    learnt = {messages[0]["content"] for messages, _ in pool.training_answers(limit=999, seed=0)}
    held = {pool.conversations[prompt][0]["content"] for prompt in test}
    assert not learnt & held


@pytest.mark.parametrize(
    "change",
    [
        {"beta": 0.0},
        {"scaling.rho0": 0.7},
        {"scaling.tau0": 0.0},
        {"optim.train_batch_size": 0},
        {"optim.learning_rate": float("nan")},
        {"optim.learning_rate": float("inf")},
        {"optim.warmup_ratio": 1.0},
        {"max_length": 8},
        {"model_name_or_path": "tiny", "tiny.hidden_size": 30},
        {"model_name_or_path": "tiny", "tiny.vocab_size": 100},
    ],
)
def test_a_setting_that_means_nothing_is_refused_by_name(change):
    with pytest.raises(InputError, match=list(change)[-1]):
        POLICY.read(change)


def test_defaults_depend_on_the_base():
    tiny = POLICY.read({"model_name_or_path": "tiny"})
    checkpoint = POLICY.read({"model_name_or_path": "x/y"})
    assert tiny.optim.learning_rate > checkpoint.optim.learning_rate
    assert POLICY.read({"model_name_or_path": "x/y", "max_length": 77}).max_length == 77


def test_greedy_answers_do_not_depend_on_who_shares_the_batch(policy):
    prompts = [policy.dialogue.prompt_ids(ASKED), [9, 8, 7], list(range(30, 70))]
    how = Sampling(max_tokens=8, temperature=0)
    together = sample_answers(policy.model, policy.tokenizer, prompts, how)
    apart = [sample_answers(policy.model, policy.tokenizer, [p], how)[0] for p in prompts]
    assert together == apart


@torch.inference_mode()
def test_the_cache_changes_no_greedy_token(policy):
    prompt = policy.dialogue.prompt_ids(ASKED)
    how = Sampling(max_tokens=6, temperature=0)
    drawn = sample_answers(policy.model, policy.tokenizer, [prompt], how)[0]
    for place, token in enumerate(drawn):
        ids = torch.tensor([prompt + drawn[:place]])
        assert policy.model(input_ids=ids).logits[0, -1].argmax().item() == token


def test_a_seed_fixes_what_is_drawn(policy):
    prompt = policy.dialogue.prompt_ids(ASKED)

    def answer(seed):
        how = Sampling(max_tokens=12, seed=seed)
        return sample_answers(policy.model, policy.tokenizer, [prompt], how)

    assert answer(1) == answer(1)
    assert len({str(answer(seed)) for seed in range(4)}) > 1
