"""Rows that are written together: each gets what it would get alone, at the cost of one pass."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    MistralConfig,
    Qwen2Config,
)

from tests.trainers.writers import NO_END, tiny_tokenizer, tiny_writer
from trainers.chat import Chat
from trainers.errors import InputError
from trainers.generation.answers import write_answers
from trainers.generation.attention import attention_by_rows
from trainers.generation.rows import CacheShape, Row, share_out
from trainers.generation.sampling import Draws, Sampling, draw, nucleus
from trainers.generation.step import step
from trainers.generation.text import AnswerText

TOKENIZER = tiny_tokenizer()
GREEDY = Sampling(max_tokens=12, temperature=0)


@pytest.fixture(scope="module")
def model():
    return tiny_writer(len(TOKENIZER))


def prompt(length: int, seed: int = 0) -> list[int]:
    return random.Random(seed).choices(range(5, len(TOKENIZER)), k=length)


def by_transformers(model, ids: list[int], tokens: int) -> list[int]:
    """Greedy, one prompt, by the library's own generation."""
    found = model.generate(
        torch.tensor([ids]), max_new_tokens=tokens, do_sample=False, eos_token_id=None
    )
    return found[0, len(ids) :].tolist()


def test_rows_of_all_lengths_write_what_the_library_writes_for_each_alone(model):
    prompts = [prompt(length, length) for length in (1, 2, 7, 64, 300)]
    found = write_answers(model, prompts, GREEDY, NO_END)
    assert found == [by_transformers(model, ids, 12) for ids in prompts]
    assert model.config._attn_implementation == "sdpa"  # as before


SHAPE = {"vocab_size": len(TOKENIZER), "eos_token_id": 1, "bos_token_id": None, "pad_token_id": 0}
LAYERS = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 32}
LLAMA_LIKE = SHAPE | LAYERS | {"intermediate_size": 64, "initializer_range": 0.6}


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        # Absolute positions, and linear layers that lie transposed.
        (GPT2Config, SHAPE | {"n_layer": 2, "n_head": 4, "n_embd": 32, "initializer_range": 0.6}),
        # Biases, and one head of keys for all.
        (Qwen2Config, LLAMA_LIKE | {"num_key_value_heads": 1}),
        # Tokens that see the last 16 alone, in all layers or in every other one.
        (MistralConfig, LLAMA_LIKE | {"num_key_value_heads": 2, "sliding_window": 16}),
        (
            Gemma3TextConfig,
            LLAMA_LIKE
            | {"num_key_value_heads": 2, "sliding_window": 16, "head_dim": 8}
            | {"layer_types": ["sliding_attention", "full_attention"]},
        ),
    ],
)
def test_other_architectures_are_written_as_by_the_library(config, settings):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config(**settings)).eval()
    prompts = [prompt(length, length) for length in (1, 12, 50)]
    found = write_answers(model, prompts, GREEDY, NO_END)
    assert found == [by_transformers(model, ids, 12) for ids in prompts]


def test_attention_that_is_not_known_is_refused():
    settings = LLAMA_LIKE | {"num_key_value_heads": 2, "head_dim": 8}
    model = AutoModelForCausalLM.from_config(Gemma2Config(**settings)).eval()
    with pytest.raises(InputError, match="attends in a way that cannot be served"):
        write_answers(model, [prompt(4)], GREEDY, NO_END)


def test_a_prompt_that_is_read_in_parts_is_answered_the_same(model):
    ids = prompt(100)
    wanted = by_transformers(model, ids, 4)
    for reading in (1, 3, 33, 99, 100, 200):
        row = Row.begin(CacheShape.of(model), ids, Draws(Sampling(max_tokens=4, temperature=0)))
        with attention_by_rows(model):
            while len(row.written) < 4:
                step(model, [row], reading=reading)
        assert row.written == wanted


def test_rows_that_join_and_leave_change_no_other_row(model):
    shape = CacheShape.of(model)
    prompts = [prompt(20, 1), prompt(5, 2), prompt(60, 3)]
    rows = [Row.begin(shape, ids, Draws(GREEDY)) for ids in prompts]
    with attention_by_rows(model):
        for place in range(12):
            # The second is there from the third to the sixth step, the third from the fifth on.
            together = [
                row
                for row, begin, end in zip(rows, (0, 2, 4), (99, 6, 99), strict=True)
                if begin <= place < end
            ]
            step(model, together, reading=64)
    for row, ids in zip(rows, prompts, strict=True):
        assert row.written == by_transformers(model, ids, len(row.written))
    assert [len(row.written) for row in rows] == [12, 4, 8]


def test_the_logits_of_a_shared_pass_are_those_of_a_pass_alone(model):
    """Up to the rounding of float32 sums, whose order depends on the size of the batch."""
    from trainers.generation.step import forward

    shape = CacheShape.of(model)
    prompts = [prompt(length, length) for length in (3, 40, 9)]

    def logits(several):
        rows = [Row.begin(shape, ids, Draws(GREEDY)) for ids in several]
        for row in rows:
            row.part = len(row.tokens)
        with torch.inference_mode(), attention_by_rows(model):
            return forward(model, rows)

    together = logits(prompts)
    apart = torch.cat([logits([ids]) for ids in prompts])
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-4)


def test_a_seed_gives_the_same_answer_whatever_shares_the_batch(model):
    """In float32: only a number within the rounding of a boundary could draw another token."""
    how = Sampling(max_tokens=30, temperature=1.0, top_p=0.9, seed=11)
    shape = CacheShape.of(model)
    ids = prompt(10)
    alone = write_answers(model, [ids], how, NO_END)[0]
    for others in range(1, 8):
        rows = [Row.begin(shape, ids, Draws(how))]
        rows += [
            Row.begin(
                shape,
                prompt(9 * number, number),
                Draws(Sampling(max_tokens=30, temperature=number % 3, seed=number)),
            )
            for number in range(1, others + 1)
        ]
        with attention_by_rows(model):
            while len(rows[0].written) < 30:
                step(model, rows)
        assert rows[0].written == alone


def test_the_answers_of_one_call_draw_apart(model):
    how = Sampling(max_tokens=20, seed=1)
    first, second = write_answers(model, [prompt(5), prompt(5)], how, NO_END)
    assert first != second
    assert write_answers(model, [prompt(5), prompt(5)], how, NO_END) == [first, second]


def test_an_answer_ends_with_its_end_token(model):
    whole = write_answers(model, [prompt(6)], GREEDY, NO_END)[0]
    end = whole[5]
    cut = write_answers(model, [prompt(6), prompt(9)], GREEDY, {end})[0]
    assert cut == whole[: whole.index(end) + 1]


@settings(deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(2, 30))
def test_prompts_share_steps_and_writers_never_wait(model, lengths, reading):
    shape = CacheShape.of(model)
    rows = [Row.begin(shape, prompt(length), Draws(GREEDY)) for length in lengths]
    waited = 0
    while any(row.unread > 1 for row in rows):
        share_out(rows, reading)
        read = [row for row in rows if row.unread > 1]
        assert all(row.part == 1 for row in rows if row not in read)
        assert 0 < sum(row.part for row in read) <= reading
        # Cut at the same places, whoever else reads.
        assert all(row.part in (0, min(row.unread, reading)) for row in read)
        # Who has read the least is never the one that waits.
        assert min(read, key=lambda row: row.cache.length).part > 0
        for row in rows:
            row.cache.length += row.part
            row.tokens += [0] * (row.unread == 0)  # the token that a row writes
        waited += 1
    assert waited <= sum(-(-length // reading) for length in lengths)


def test_the_nucleus_is_the_fewest_likeliest_tokens_that_reach_top_p():
    row = torch.tensor([[0.1, 0.5, 0.05, 0.35]])
    for top_p, wanted in ((0.8, [0.5, 0.35, 0, 0]), (0.5, [0.5, 0, 0, 0]), (0.0, [0.5, 0, 0, 0])):
        kept, tokens = nucleus(row, [top_p])
        torch.testing.assert_close(kept, torch.tensor([wanted]))
        assert tokens.tolist() == [[1, 3, 0, 2]]


def test_a_flat_distribution_keeps_more_tokens_than_are_looked_at_first():
    flat = torch.full((1, 4000), 1 / 4000)
    kept, _ = nucleus(flat, [0.9])
    assert 3590 <= int((kept > 0).sum()) <= 3610


def test_draws_follow_the_probabilities_with_each_rows_own_settings():
    rows = 20_000
    logits = torch.tensor([0.2, 0.3, 0.5]).log().repeat(3 * rows, 1)
    draws = [Draws(Sampling(max_tokens=1, seed=0), number) for number in range(rows)]
    draws += [Draws(Sampling(max_tokens=1, temperature=0.5, seed=1), n) for n in range(rows)]
    draws += [Draws(Sampling(max_tokens=1, top_p=0.6, seed=2), n) for n in range(rows)]
    drawn = torch.tensor(draw(logits, draws)).view(3, rows)
    shares = torch.stack([torch.bincount(one, minlength=3) / rows for one in drawn])
    squares = torch.tensor([0.04, 0.09, 0.25])
    wanted = torch.stack(
        [torch.tensor([0.2, 0.3, 0.5]), squares / squares.sum(), torch.tensor([0, 0.375, 0.625])]
    )
    # Three standard errors of a share at n = 20,000 are at most 0.011.
    torch.testing.assert_close(shares, wanted, atol=0.011, rtol=0)


def test_penalties_take_from_what_was_used_by_the_formula_of_openai():
    """Logit less uses × frequency_penalty less presence_penalty where used; each row its own."""
    logits = torch.tensor([[3.03, 2.51, 0.007], [3.03, 2.51, 0.007], [3.03, 2.51, 0.007]])
    how = [
        Sampling(max_tokens=9, temperature=0, frequency_penalty=0.2, presence_penalty=0.15),
        Sampling(max_tokens=9, temperature=0, frequency_penalty=-0.2),
        Sampling(max_tokens=9, temperature=0),
    ]
    rows = [Draws(each) for each in how]
    drawn = [draw(logits.clone(), rows) for _ in range(40)]
    for place, each in enumerate(how):
        uses, expected = [0, 0, 0], []
        for _ in drawn:
            now = [
                logit - each.frequency_penalty * n - each.presence_penalty * (n > 0)
                for logit, n in zip([3.03, 2.51, 0.007], uses, strict=True)
            ]
            expected.append(now.index(max(now)))
            uses[expected[-1]] += 1
        assert [step[place] for step in drawn] == expected
    assert {step[0] for step in drawn} == {0, 1, 2}  # in the end even the least likely


def test_a_token_without_probability_is_never_drawn():
    class Last(Draws):
        def number(self) -> float:
            return 1 - 2**-53

    logits = torch.tensor([[0.0, 1.0, -torch.inf]])
    assert draw(logits, [Last(Sampling(max_tokens=1))]) == [1]


def pieces(chat: Chat, tokens, stops=()) -> tuple[list[str], AnswerText]:
    text = AnswerText(chat, stops)
    found = []
    for token in tokens:
        found.append(text.push(token))
        if text.is_stopped:
            break
    return [*found, text.end()], text


SPECIAL = st.lists(st.integers(0, len(TOKENIZER) - 1), max_size=40)
WRITTEN = st.text("aé 🥚👨‍👩‍👧م\u200f茹\n", max_size=30).map(
    lambda text: TOKENIZER(text, add_special_tokens=False)["input_ids"]
)


@settings(max_examples=300, deadline=None)
@given(SPECIAL | WRITTEN, st.booleans())
def test_pieces_add_up_to_the_text_of_all_tokens(tokens, has_template):
    template, TOKENIZER.chat_template = TOKENIZER.chat_template, "x" if has_template else None
    try:
        chat = Chat(TOKENIZER)
        found, _ = pieces(chat, tokens)
        assert "".join(found) == chat.decode(tokens)
    finally:
        TOKENIZER.chat_template = template


@settings(max_examples=200, deadline=None)
@given(SPECIAL | WRITTEN, st.lists(st.text("aé 🥚\n", min_size=1, max_size=3), max_size=3))
def test_an_answer_is_cut_before_its_first_stop_text(tokens, stops):
    chat = Chat(TOKENIZER)
    found, text = pieces(chat, tokens, stops)
    whole = chat.decode(tokens)
    starts = [whole.find(stop) for stop in stops if stop in whole]
    shown = "".join(found)
    assert whole.startswith(shown)
    assert not any(stop in shown for stop in stops)
    assert text.is_stopped == bool(starts)
    assert starts or shown == whole


def test_an_unfinished_character_is_not_shown_before_it_is_whole():
    tokens = TOKENIZER("🥮", add_special_tokens=False)["input_ids"]  # no token of its own
    assert len(tokens) > 1
    found, _ = pieces(Chat(TOKENIZER), tokens)
    assert found == [*[""] * (len(tokens) - 1), "🥮", ""]
    found, _ = pieces(Chat(TOKENIZER), tokens[:-1])
    assert found == [*[""] * (len(tokens) - 1), "�"]
