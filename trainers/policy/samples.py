"""What a policy writes of itself: its distance from the reference and the reward of its answers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from trainers.arrays import Floats
from trainers.data.texts import Conversation
from trainers.policy.adapter import Policy
from trainers.policy.config import PolicyConfig
from trainers.policy.generate import Sampling, sample_answers
from trainers.policy.logprobs import Row, answer_logits, chunks, collate
from trainers.reward.model import Answer
from trainers.reward.score import Scorer
from trainers.statistics.measures import mean, with_intervals

Conversations = Sequence[Conversation]


def sampled_metrics(
    policy: Policy, config: PolicyConfig, conversations: Conversations, scorer: Scorer | None
) -> dict[str, Any]:
    """Return `kl`, and with a scorer `reward_mean` and `reward_reference_mean`, with intervals.

    Over one answer at temperature 1 to each of at most `sampling.num_prompts` conversations, of at
    most `sampling.max_new_tokens` tokens.
    """
    # The first ones are a random part: test pairs stand in the order of a hash.
    asked = conversations[: config.sampling.num_prompts]
    prompts = [
        fitted_prompt(policy, messages, config.sampling.max_new_tokens) for messages in asked
    ]
    answers = _answers(policy, config, prompts)
    values = {"kl": _divergences(policy, config, list(zip(prompts, answers, strict=True)))}
    if scorer is not None:
        with policy.model.disable_adapter():
            reference = _answers(policy, config, prompts)
        values["reward_mean"] = _rewards(policy, scorer, asked, answers)
        values["reward_reference_mean"] = _rewards(policy, scorer, asked, reference)

    def statistics(weights: Floats) -> Mapping[str, float]:
        return {name: mean(value, weights) for name, value in values.items()}

    # One answer a prompt: each is a cluster of its own.
    measured = with_intervals(statistics, np.arange(len(asked)), seed=config.seed)
    return {**measured, "n_sampled": len(asked)}


def fitted_prompt(policy: Policy, messages: Conversation, room: int) -> list[int]:
    """Return a prompt's tokens, cut on the left so that an answer of `room` fits behind it."""
    kept = max(1, policy.dialogue.max_length - room)  # never 0: [-0:] is all
    return policy.dialogue.prompt_ids(messages)[-kept:]


def _answers(policy: Policy, config: PolicyConfig, prompts: Sequence[list[int]]) -> list[list[int]]:
    how = Sampling(max_tokens=config.sampling.max_new_tokens, seed=config.seed)
    found: list[list[int]] = []
    for part in chunks(range(len(prompts)), config.optim.per_device_train_batch_size):
        batch = [prompts[index] for index in part]
        found += sample_answers(policy.model, policy.tokenizer, batch, how)
    return found


@torch.inference_mode()
def _divergences(policy: Policy, config: PolicyConfig, rows: Sequence[Row]) -> Floats:
    """Return KL(pi || pi_ref) of each sampled answer, [n], in nats an answer.

    The sum over its positions of the exact divergence of the next-token distributions: given y
    drawn from pi, its mean is that of log pi(y) - log pi_ref(y), its variance lower, and it is
    never negative (Rao–Blackwellised; Amini et al. 2025, arXiv 2504.10637).
    """
    parts = []
    for part in chunks(range(len(rows)), config.optim.per_device_train_batch_size):
        chosen = [rows[index] for index in part]
        batch = collate(chosen, policy.tokenizer.pad_token_id, policy.model.device)
        now = answer_logits(policy.model, batch).log_softmax(2)  # [rows, longest, V]
        with policy.model.disable_adapter():
            reference = answer_logits(policy.model, batch).log_softmax(2)
        each = (now.exp() * (now - reference)).sum(2)  # sum over the vocabulary
        # [rows]; padding has a divergence too, and is left out.
        parts.append((each * batch.answer).sum(1).double().cpu().numpy())
    return np.concatenate(parts)


def _rewards(
    policy: Policy, scorer: Scorer, asked: Conversations, answers: Sequence[list[int]]
) -> Floats:
    texts = [policy.dialogue.decode(answer) for answer in answers]
    return np.array(scorer.scores(list(map(Answer, asked, texts))), np.float64)
