"""The objective: log-probabilities, the adaptive loss, gradients that memory does not change."""

import math

import numpy as np
import pytest
import torch

from tests.trainers.toys import small_config
from trainers.errors import InputError
from trainers.policy.base import Base, load_base
from trainers.policy.fit import Example, PolicyTask, pair_losses
from trainers.policy.logprobs import answer_log_probs, collate, pair_log_probs
from trainers.policy.pairs import TokenPair
from trainers.tuning.loop import rate_share
from trainers.tuning.processes import Processes
from trainers.tuning.step import Gradients


@pytest.fixture(scope="module")
def base(toy_policy):
    return load_base(toy_policy.path / "base", torch.device("cpu"), torch.float32)


def pair_of(prompt, chosen, rejected, label=1.0, weight=1.0):
    return TokenPair(
        comparison_id="c",
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        label=label,
        weight=weight,
    )


@pytest.fixture(scope="module")
def examples():
    generator = torch.Generator().manual_seed(4)

    def tokens(length):
        return torch.randint(10, 250, (length,), generator=generator).tolist()

    pairs = [
        pair_of(tokens(3 + n % 4), tokens(2 + n), tokens(9 - n), label, weight)
        for n, (label, weight) in enumerate([(0.9, 1.0), (1.0, 0.5), (0.5, 2.0), (0.7, 1.0)] * 2)
    ]
    return [Example(pair=pair, reference=(-20.0 - n, -25.0 + n)) for n, pair in enumerate(pairs)]


def test_at_one_fixed_temperature_the_loss_is_that_of_dpo(examples):
    """Rafailov et al. 2023, equation 7, with soft labels: written out in float64."""
    config = small_config({"scaling.tau0": 1.0, "scaling.tau_max": 1.0, "beta": 0.1})
    log_probs = -30 * torch.rand(2, len(examples), dtype=torch.float64)
    log_probs.requires_grad_()
    found = pair_losses(log_probs, examples, config)
    losses = found.losses
    losses.sum().backward()
    for row, example in enumerate(examples):
        chosen, rejected = log_probs[:, row].tolist()
        reference_chosen, reference_rejected = example.reference
        d = 0.1 * ((chosen - reference_chosen) - (rejected - reference_rejected))
        p = example.pair.label
        dpo = p * math.log1p(math.exp(-d)) + (1 - p) * math.log1p(math.exp(d))
        constant = config.scaling.rho0 - math.log(2)  # rho * tau of the adaptive objective
        assert losses[row].item() == pytest.approx(dpo + constant, abs=1e-12)
        slope = 0.1 * (1 / (1 + math.exp(-d)) - p)
        assert log_probs.grad[0, row].item() == pytest.approx(slope, abs=1e-12)
        assert log_probs.grad[1, row].item() == pytest.approx(-slope, abs=1e-12)
    assert found.weights.tolist() == [example.pair.weight for example in examples]


def test_rpo_adds_the_likelihood_of_a_token_of_the_chosen_answer(examples):
    """Pang et al. 2024, equation 3, beside DPO as above; written out in float64.

    With soft labels the term has the weight 2 p - 1: nothing at a tie, all of it at certainty.
    """
    alpha = 0.7
    log_probs = -30 * torch.rand(2, len(examples), dtype=torch.float64)
    log_probs.requires_grad_()
    plain = pair_losses(log_probs, examples, small_config()).losses.detach()
    found = pair_losses(log_probs, examples, small_config({"rpo_alpha": alpha})).losses
    for row, example in enumerate(examples):
        likelihood = -log_probs[0, row].item() / len(example.pair.chosen)
        wanted = alpha * (2 * example.pair.label - 1) * likelihood
        assert found[row].item() - plain[row].item() == pytest.approx(wanted, abs=1e-12)


def test_rpo_leaves_a_tie_alone_whichever_answer_is_called_chosen(examples):
    [tie, turned] = [
        Example(pair=pair_of([1], chosen, rejected, label=0.5), reference=reference)
        for chosen, rejected, reference in (
            ([2, 3], [4], (-9.0, -4.0)),
            ([4], [2, 3], (-4.0, -9.0)),
        )
    ]
    config = small_config({"rpo_alpha": 2.0})
    one = pair_losses(torch.tensor([[-8.0], [-5.0]]), [tie], config).losses
    other = pair_losses(torch.tensor([[-5.0], [-8.0]]), [turned], config).losses
    assert one.item() == pytest.approx(other.item(), abs=1e-6)


def test_rpo_raises_the_chosen_answer_where_dpo_alone_lets_it_fall(examples):
    """A gap can grow while both answers become unlikelier; the gradient of the term forbids it."""
    log_probs = torch.full((2, len(examples)), -30.0, requires_grad=True)
    certain = [Example(pair=pair_of([1], [2, 3], [4]), reference=(-10.0, -40.0)) for _ in examples]
    slopes = []
    for alpha in (0.0, 1.0):
        config = small_config({"rpo_alpha": alpha, "beta": 0.1})
        losses = pair_losses(log_probs, certain, config).losses
        slopes.append(torch.autograd.grad(losses.sum(), log_probs)[0])
    # Per token of two: 1 / 2 more on the chosen, nothing on the rejected.
    torch.testing.assert_close(slopes[1][0], slopes[0][0] - 0.5)
    torch.testing.assert_close(slopes[1][1], slopes[0][1])


def test_the_gap_is_beta_times_h_and_tau_is_in_its_units():
    """Card values of the adaptive loss: d = 1 at rho0 = 0.1 has tau = 1.05995, loss -0.28021."""
    example = Example(pair=pair_of([1], [2], [3]), reference=(-10.0, -10.0))
    log_probs = torch.tensor([[-5.0], [-15.0]], dtype=torch.float64)  # h = 10, beta h = 1
    found = pair_losses(log_probs, [example], small_config({"beta": 0.1}))
    assert found.gaps.item() == pytest.approx(1.0)
    assert found.losses.item() == pytest.approx(-0.28021, abs=1e-5)


def naive_log_prob(model, prompt, answer):
    """One forward a token, no padding, log-softmax in float64."""
    total = 0.0
    for place, token in enumerate(answer):
        ids = torch.tensor([prompt + answer[:place]])
        logits = model(input_ids=ids).logits[0, -1].double()
        total += logits.log_softmax(0)[token].item()
    return total


@torch.inference_mode()
def test_log_probabilities_equal_a_naive_loop_over_tokens(base, examples):
    pairs = [example.pair for example in examples]
    found = pair_log_probs(base.model, pairs, base.tokenizer.pad_token_id)
    for row, pair in enumerate(pairs):
        for side, answer in enumerate((pair.chosen, pair.rejected)):
            wanted = naive_log_prob(base.model, pair.prompt, answer)
            assert abs(found[side, row].item() - wanted) < 1e-5 * len(answer)


@torch.inference_mode()
def test_padding_and_neighbours_do_not_change_a_row(base):
    alone = [([5, 6, 7], [8, 9])]
    crowd = [*alone, (list(range(20, 50)), list(range(60, 80)))]
    pad, device = base.tokenizer.pad_token_id, torch.device("cpu")
    first = answer_log_probs(base.model, collate(alone, pad, device))[0]
    second = answer_log_probs(base.model, collate(crowd, pad, device))[0]
    assert first.item() == pytest.approx(second.item(), abs=1e-4)


def gradients(model):
    return [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]


def gradient(model, examples, size):
    """Return the loss of a step over all examples, and how many pairs memory held at once."""
    task = PolicyTask(model, examples, 0, small_config())
    step = Gradients(task=task, processes=Processes(0, 1, torch.device("cpu")), size=size)
    return step.of(np.arange(len(examples))).loss, step.size


def test_the_gradient_of_a_batch_does_not_depend_on_the_micro_batch(base, examples):
    found = []
    for size in (8, 3, 1):
        loss, _ = gradient(base.model, examples, size)
        found.append((loss, gradients(base.model)))
    for loss, grads in found[1:]:
        assert loss == pytest.approx(found[0][0], abs=1e-6)
        for one, other in zip(grads, found[0][1], strict=True):
            torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


class SmallMemory:
    """A model on a device that holds at most `rows` sequences at once."""

    def __init__(self, base: Base, rows: int) -> None:
        self.model, self.rows = base.model, rows
        self.device = torch.device("cpu")

    def __call__(self, input_ids, **more):
        if len(input_ids) > self.rows:
            # With the name of the accelerator's allocator, by which its errors are known.
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self.model(input_ids=input_ids, **more)

    def parameters(self):
        return self.model.parameters()


def test_running_out_of_memory_halves_the_micro_batch_and_goes_on(base, examples):
    whole, _ = gradient(base.model, examples, 8)
    wanted = gradients(base.model)
    loss, size = gradient(SmallMemory(base, rows=4), examples, 8)
    assert size == 2  # two pairs are four sequences
    assert loss == pytest.approx(whole, abs=1e-6)
    for one, other in zip(gradients(base.model), wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_memory_for_less_than_one_pair_is_an_error_that_says_what_to_do(base, examples):
    with pytest.raises(InputError, match="max_length"):
        gradient(SmallMemory(base, rows=1), examples, 8)


def test_the_learning_rate_warms_up_and_falls_to_nothing():
    shares = [rate_share(step, 10, 0.2) for step in range(10)]
    assert shares[:3] == [0.5, 1.0, 1.0]
    assert shares[2:] == sorted(shares[2:], reverse=True)
    assert 0 < shares[-1] < 0.2
