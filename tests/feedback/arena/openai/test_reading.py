"""The body of a chat call: read, or refused by the name of what is wrong."""

import json

import pytest

from feedback.arena.openai.errors import GatewayError
from feedback.arena.openai.reading import read_chat

ASKED = [{"role": "user", "content": "What is tea?"}]


def read(**body):
    return read_chat(json.dumps({"model": "auto", "messages": ASKED} | body).encode())


def test_parts_roles_and_names_for_the_same_thing_are_one():
    asked = read(
        messages=[
            {"role": "developer", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            },
        ],
        max_completion_tokens=9,
        stop="x",
        n=1,
        tools=[],
        user="u",
        temperature=None,
    )
    assert asked.messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "ab"},
    ]
    assert asked.sampling == {"max_tokens": 9, "stop": ["x"]}
    assert (asked.stream, asked.include_usage) == (False, False)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_told(body):
    with pytest.raises(GatewayError) as refused:
        read_chat(body)
    assert (refused.value.status, refused.value.code) == (400, "invalid_json")


def test_a_half_of_a_surrogate_pair_is_refused():
    body = b'{"model": "auto", "messages": [{"role": "user", "content": "\\ud800"}]}'
    with pytest.raises(GatewayError, match="messages"):
        read_chat(body)


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"temperature": 9}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]}, "messages[0]"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": "a\x00b"}]}, "messages[0]"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0]",
        ),
        ({"extra_body": {"top_k": 5}}, "top_k"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(wrong, param):
    body = {"model": "auto", "messages": ASKED} | wrong
    body |= body.pop("extra_body", {})
    with pytest.raises(GatewayError) as refused:
        read_chat(json.dumps(body).encode())
    assert refused.value.status == 400
    assert refused.value.param == param
