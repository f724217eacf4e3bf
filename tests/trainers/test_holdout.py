"""Dividing rows into training, validation and test when a snapshot may have few prompts."""

import pytest

from trainers.data.holdout import hold_out
from trainers.errors import InputError


def test_rows_follow_the_split_of_their_prompt() -> None:
    held = hold_out(list("abcab"), {"a": "train", "b": "validation", "c": "test"}, "row")
    assert (held.train.tolist(), held.validation.tolist(), held.test.tolist()) == (
        [0, 3],
        [1, 4],
        [2],
    )


def test_without_validation_whole_training_prompts_take_its_place() -> None:
    prompts = [f"p{number % 10}" for number in range(40)] + ["t"]
    split = {prompt: "test" if prompt == "t" else "train" for prompt in prompts}
    held = hold_out(prompts, split, "row")
    chosen = {prompts[row] for row in held.validation}
    assert chosen
    assert chosen.isdisjoint(prompts[row] for row in held.train)
    assert len(held.train) + len(held.validation) == 40


def test_a_single_training_prompt_gives_some_of_its_rows() -> None:
    held = hold_out(["p"] * 20 + ["t"], {"p": "train", "t": "test"}, "row")
    assert (len(held.train), len(held.validation)) == (17, 3)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"a": "train", "b": "train"}, "no decided comparison in the test split"),
        ({"a": "test", "b": "test"}, "no decided comparison in the training split"),
        ({"a": "train", "b": "test"}, "a single decided comparison"),
    ],
)
def test_a_missing_side_is_named(split: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        hold_out(["a", "b"], split, "decided comparison")
