"""One engine, several who ask: they join, advance and leave between two forward passes."""

import copy
import threading
import time

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, GPT2Config

from tests.trainers.writers import (
    NO_END,
    Gate,
    Listener,
    adapter_of,
    save_adapter,
    tiny_base,
    tiny_writer,
)
from trainers.errors import InputError
from trainers.generation.answers import write_answers
from trainers.generation.attention import use_rows
from trainers.generation.rows import CacheShape, Row
from trainers.generation.sampling import Draws, Sampling
from trainers.generation.step import READING, step
from trainers.serve.engine import engine as engine_module
from trainers.serve.engine import room as room_module
from trainers.serve.engine.adapters import AdapterStack, read_adapter
from trainers.serve.engine.engine import Engine
from trainers.serve.engine.requests import EngineError, OverloadedError

LONG = Sampling(max_tokens=60, temperature=0)


@pytest.fixture
def engine():
    made = Engine(tiny_base())
    yield made
    made.stop()


@pytest.fixture(scope="module")
def adapters(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters")
    every = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    return [
        save_adapter(folder / "first", 1),
        save_adapter(folder / "second", 2, r=2, target_modules=every),
        save_adapter(folder / "third", 3, use_rslora=True),
    ]


def submitted(engine, *listeners: Listener) -> tuple[Listener, ...]:
    for listener in listeners:
        engine.submit(listener.asked)
    return listeners


def eventually(is_so) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


def alone(engine, prompt, how) -> str:
    """The base's own answer, by one-by-one generation with a model that nobody else uses."""
    model = tiny_writer(len(engine.base.chat.tokenizer))
    return engine.base.chat.decode(write_answers(model, [prompt], how, NO_END)[0])


def test_a_mixed_batch_is_written_as_peft_writes_one_after_another(engine, adapters):
    """Several adapters, the base, several lengths; who ends early leaves while others go on."""
    base, chat = engine.base, engine.base.chat
    held = [adapter_of(base, folder) for folder in adapters]
    engine.hold(held)
    cases = [
        (
            list(range(10, 10 + 17 * number)),
            Sampling(max_tokens=8 + 5 * number, temperature=0),
            which,
        )
        for number, which in enumerate([None, 0, 1, 2, 0, None, 1, 2], start=1)
    ]
    listeners = [
        Listener(prompt, how, adapter=None if which is None else held[which])
        for prompt, how, which in cases
    ]
    gate = Gate(engine)
    submitted(engine, *listeners[:5])
    gate.wait()
    gate.let(4)
    submitted(engine, *listeners[5:])
    gate.open()
    found = [listener.text() for listener in listeners]
    assert max(map(len, gate.rows)) == len(cases)
    for (prompt, how, which), text in zip(cases, found, strict=True):
        model = tiny_writer(len(chat.tokenizer))
        if which is not None:
            model = PeftModel.from_pretrained(model, adapters[which]).eval()
        wanted = model.generate(
            input_ids=torch.tensor([prompt]),
            max_new_tokens=how.max_tokens,
            do_sample=False,
            eos_token_id=None,
        )
        assert text == chat.decode(wanted[0, len(prompt) :].tolist())


def test_an_adapter_that_was_let_go_still_ends_what_it_began(engine, adapters):
    first, second = (adapter_of(engine.base, folder) for folder in adapters[:2])
    engine.hold([first])
    wanted = submitted(engine, Listener([9, 8, 7], LONG, adapter=first))[0].text()
    gate = Gate(engine)
    (listener,) = submitted(engine, Listener([9, 8, 7], LONG, adapter=first))
    gate.wait()
    gate.let(3)
    engine.hold([second])
    gate.open()
    assert listener.text() == wanted
    # And one that was chosen before the swap, and asked after it.
    assert submitted(engine, Listener([9, 8, 7], LONG, adapter=first))[0].text() == wanted


def test_one_that_comes_joins_the_next_step_and_one_that_leaves_is_gone_after_it(engine):
    gate = Gate(engine)
    first, second = Listener([5, 6], LONG), Listener([7, 8, 9], LONG)
    submitted(engine, first)
    gate.wait()
    gate.let(2)
    submitted(engine, second)
    gate.let(3)
    assert gate.rows == [[2], [1], [1], [1, 3], [1, 1]]
    first.asked.leave()
    gate.let(2)
    assert gate.rows[5:] == [[1, 1], [1]]
    gate.open()
    assert second.text() == alone(engine, [7, 8, 9], LONG)
    assert not first.ended.is_set()


def test_a_long_prompt_is_read_in_parts_while_others_write(engine):
    gate = Gate(engine)
    short, long = Listener([5, 6], LONG), Listener(list(range(10, 210)) * 2, LONG)
    newcomer = Listener([7, 8, 9], LONG)
    submitted(engine, short)
    gate.wait()
    submitted(engine, long)
    gate.let(1)
    submitted(engine, newcomer)
    gate.open()
    for listener in (short, long, newcomer):
        listener.text()
    # The newcomer's first token comes with the step that it joins, and the short one never waits.
    assert gate.rows[:4] == [[2], [1, READING], [1, 3], [1, READING, 1]]
    assert max(sum(rows) for rows in gate.rows) <= READING + 2


def test_a_stop_text_ends_an_answer_and_its_place_is_free(engine):
    whole = alone(engine, [5, 6, 7], LONG)
    stop = whole[10:13]
    (listener,) = submitted(engine, Listener([5, 6, 7], LONG, stops=[stop]))
    assert listener.text() == whole[: whole.index(stop)]
    assert listener.pieces[-1].finish == "stop"
    assert listener.pieces[-1].tokens < LONG.max_tokens
    eventually(lambda: engine.load == {"writing": 0, "waiting": 0})


def test_a_pass_that_fails_for_one_takes_no_other_down(engine, monkeypatch):
    def fails(model, rows, **how):
        if any(row.tokens[0] == 13 and len(row.written) == 5 for row in rows):
            raise ValueError("the thirteenth")
        return step(model, rows, **how)

    monkeypatch.setattr(engine_module, "step", fails)
    listeners = submitted(engine, *(Listener([first, 6], LONG) for first in (11, 12, 13, 14)))
    with pytest.raises(EngineError, match="the model failed on this answer"):
        listeners[2].text()
    for listener in (*listeners[:2], listeners[3]):
        assert listener.text() == alone(engine, listener.asked.prompt, LONG)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError(),
    ],
)
def test_out_of_memory_ends_the_newest_answer_and_the_others_go_on(engine, monkeypatch, error):
    def is_short(model, rows, **how):
        if len(rows) > 2:
            raise error
        return step(model, rows, **how)

    monkeypatch.setattr(engine_module, "step", is_short)
    listeners = submitted(engine, *(Listener([first, 6], LONG) for first in (11, 12, 13)))
    with pytest.raises(EngineError, match="not enough memory"):
        listeners[2].text()
    for listener in listeners[:2]:
        assert listener.text() == alone(engine, listener.asked.prompt, LONG)


def test_beyond_the_queue_one_is_refused_with_a_time(engine, monkeypatch):
    monkeypatch.setattr(engine_module, "MAX_WAITING", 3)
    monkeypatch.setattr(room_module, "MAX_ROWS", 2)
    gate = Gate(engine)
    first = submitted(engine, *(Listener([number, 6], LONG) for number in (11, 12)))
    gate.wait()
    gate.let(1)
    rest = submitted(engine, *(Listener([number, 6], LONG) for number in (13, 14, 15)))
    assert engine.load == {"writing": 2, "waiting": 3}
    with pytest.raises(OverloadedError) as refused:
        submitted(engine, Listener([16, 6], LONG))
    assert 1 <= refused.value.retry_after <= 60
    # Who leaves while waiting makes room, and is never begun.
    rest[0].asked.leave()
    gate.open()
    for listener in (*first, *rest[1:]):
        assert listener.text() == alone(engine, listener.asked.prompt, LONG)
    assert max(map(len, gate.rows)) == 2
    assert not rest[0].first.is_set()


def test_the_time_to_come_back_follows_the_measured_pace(engine, monkeypatch):
    monkeypatch.setattr(engine_module, "MAX_WAITING", 1)
    gate = Gate(engine)
    submitted(engine, Listener([5, 6], LONG))
    gate.wait()
    engine._step_seconds = 0.5
    submitted(engine, Listener([5, 6], LONG))
    with pytest.raises(OverloadedError) as refused:
        submitted(engine, Listener([5, 6], LONG))
    assert refused.value.retry_after == 31  # 60 tokens, and a step for the prompt, at half a second
    gate.open()


def test_memory_bounds_what_is_written_at_once_but_never_stops_everything(engine, monkeypatch):
    token = engine._shape.token_bytes
    free = {"bytes": 0}
    monkeypatch.setattr(room_module, "available_memory", lambda: free["bytes"])
    gate = Gate(engine)
    listeners = submitted(engine, *(Listener([number, 6], LONG) for number in (11, 12, 13)))
    gate.wait()
    gate.let(1)
    assert engine.load == {"writing": 1, "waiting": 2}  # alone it always may
    free["bytes"] = room_module.KEPT_FREE + 2 * 62 * token  # what the first still takes, one more
    gate.let(1)
    assert engine.load == {"writing": 2, "waiting": 1}
    monkeypatch.setattr(room_module, "available_memory", lambda: None)
    monkeypatch.setattr(room_module, "CACHE_BYTES", 2 * 62 * token)
    gate.let(1)
    assert engine.load == {"writing": 2, "waiting": 1}
    gate.open()
    assert [listener.text() for listener in listeners] == [
        alone(engine, listener.asked.prompt, LONG) for listener in listeners
    ]


def test_a_stopped_engine_says_so_to_all(engine):
    gate = Gate(engine)
    listeners = submitted(engine, *(Listener([number, 6], LONG) for number in (11, 12)))
    gate.wait()
    gate.let(1)
    engine.stop()
    gate.open()
    for listener in listeners:
        with pytest.raises(EngineError, match="the server is stopping"):
            listener.text()


def test_a_closed_engine_answers_who_still_holds_it_and_its_thread_ends(engine):
    def threads() -> int:
        return sum(thread.name == "engine" for thread in threading.enumerate())

    before = threads()
    (listener,) = submitted(engine, Listener([5, 6], LONG))
    assert threads() == before + 1
    engine.close()
    listener.text()
    eventually(lambda: threads() == before)
    assert submitted(engine, Listener([5, 6], LONG))[0].text() == listener.text()
    eventually(lambda: threads() == before)


def test_an_adapter_of_linear_layers_that_lie_transposed(tmp_path):
    """GPT-2's, in whose artifacts peft's matrices lie as everywhere."""
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=300, n_layer=2, n_head=2, n_embd=16, initializer_range=0.6)
    model = AutoModelForCausalLM.from_config(config).eval()
    lora = LoraConfig(r=4, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)
    adapted = get_peft_model(copy.deepcopy(model), lora).eval()
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.5)
    adapted.save_pretrained(tmp_path)
    prompt = list(range(10, 30))
    wanted = adapted.generate(
        input_ids=torch.tensor([prompt]), max_new_tokens=12, do_sample=False, eos_token_id=None
    )[0, 20:].tolist()
    adapter, stack = read_adapter(tmp_path, model), AdapterStack(model)
    stack.hold([adapter])
    use_rows(model)
    how = Draws(Sampling(max_tokens=12, temperature=0))
    row = Row.begin(CacheShape.of(model), prompt, how, adapter)
    other = Row.begin(CacheShape.of(model), prompt, how)
    while len(row.written) < 12:
        step(model, [other, row], before=stack.choose)
    assert row.written == wanted
    assert other.written != wanted


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"use_dora": True}, "not a plain LoRA adapter"),
        ({"bias": "all"}, "not a plain LoRA adapter"),
        ({"modules_to_save": ["lm_head"]}, "not a plain LoRA adapter"),
        ({"rank_pattern": {"q_proj": 2}}, "not a plain LoRA adapter"),
    ],
)
def test_an_adapter_that_would_be_computed_wrongly_is_refused(tmp_path, how, says):
    save_adapter(tmp_path, 1, **how)
    with pytest.raises(InputError, match=says):
        adapter_of(tiny_base(), tmp_path)


def test_an_adapter_of_another_architecture_is_refused(tmp_path):
    save_adapter(tmp_path, 1)
    base = tiny_base()
    base.model.model.layers[0].self_attn.q_proj = torch.nn.Linear(16, 32)
    with pytest.raises(InputError, match="the base has no layer model"):
        adapter_of(base, tmp_path)
