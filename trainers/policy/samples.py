"""What a policy writes beside its reference: how far apart they are, and which is better."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from trainers.arrays import Floats, Ints
from trainers.data.texts import Conversation
from trainers.policy.adapter import Policy
from trainers.policy.config import PolicyConfig
from trainers.policy.flaws import flaws_of
from trainers.policy.generate import Sampling, end_tokens, sample_answers
from trainers.policy.logprobs import Report, Row, answer_logits, chunks, collate
from trainers.reward.model import Answer
from trainers.reward.score import Scorer
from trainers.statistics.measures import mean, with_intervals

# Answers that are written at once: a step's cost hardly grows with them.
BATCH = 16
SEED_STRIDE = 1_000  # between the random streams of two seeds, one stream a batch

Prompts = Mapping[str, Conversation]  # by prompt id


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Answers of one model: tokens and texts, [n] each, and rewards[n] where there is a scorer."""

    tokens: list[list[int]]
    texts: list[str]
    rewards: Floats | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleReport:
    """Metrics with intervals, and the answers themselves as JSON rows."""

    metrics: dict[str, Any]
    rows: list[dict[str, Any]]


def sample_report(
    policy: Policy, config: PolicyConfig, prompts: Prompts, scorer: Scorer | None, report: Report
) -> SampleReport:
    """Return what policy and reference answer to the same prompts, drawn with the same seeds.

    `sampling.num_answers` answers to each of at most `sampling.num_prompts` prompts.
    """
    how, answers = config.sampling, config.sampling.num_answers
    # The first ones are a random part: test pairs stand in the order of a hash.
    asked = [(name, prompts[name]) for name in list(prompts)[: how.num_prompts]]
    rows = [row for row in asked for _ in range(answers)]
    tokens = [fitted_prompt(policy, messages, how.max_new_tokens) for _, messages in rows]
    batches = len(list(chunks(range(len(rows)), BATCH)))
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        report(done, 4 * batches)

    shown = Sampling(max_tokens=how.max_new_tokens, temperature=how.temperature, top_p=how.top_p)
    # The divergence is an expectation over the policy itself, drawn as it is.
    plain = replace(shown, temperature=1.0, top_p=1.0)
    drawn = _sampled(policy, tokens, plain, config.seed, step)
    kl = _divergences(policy, list(zip(tokens, drawn, strict=True)), step)
    conversations = [messages for _, messages in rows]
    now = _written(
        policy, conversations, _sampled(policy, tokens, shown, config.seed, step), scorer
    )
    with policy.model.disable_adapter():
        reference = _sampled(policy, tokens, shown, config.seed, step)
    before = _written(policy, conversations, reference, scorer)
    return SampleReport(
        metrics=_metrics(policy, now, before, kl, np.arange(len(rows)) // answers, config.seed),
        rows=_rows(rows, now, before),
    )


def fitted_prompt(policy: Policy, messages: Conversation, room: int) -> list[int]:
    """Return a prompt's tokens, cut on the left so that an answer of `room` fits behind it."""
    kept = max(1, policy.dialogue.max_length - room)  # never 0: [-0:] is all
    return policy.dialogue.prompt_ids(messages)[-kept:]


def _sampled(
    policy: Policy, prompts: Sequence[list[int]], how: Sampling, seed: int, step: Callable[[], None]
) -> list[list[int]]:
    found: list[list[int]] = []
    for number, part in enumerate(chunks(range(len(prompts)), BATCH)):
        # A stream a batch: answers to the same prompt in two batches must differ.
        drawn = replace(how, seed=seed * SEED_STRIDE + number)
        batch = [prompts[index] for index in part]
        found += sample_answers(policy.model, policy.tokenizer, batch, drawn)
        step()
    return found


def _written(
    policy: Policy,
    conversations: Sequence[Conversation],
    tokens: list[list[int]],
    scorer: Scorer | None,
) -> Written:
    texts = [policy.dialogue.decode(answer) for answer in tokens]
    rewards = None
    if scorer is not None:
        rewards = np.array(scorer.scores(list(map(Answer, conversations, texts))), np.float64)
    return Written(tokens=tokens, texts=texts, rewards=rewards)


@torch.inference_mode()
def _divergences(policy: Policy, rows: Sequence[Row], step: Callable[[], None]) -> Floats:
    """Return KL(pi || pi_ref) of each sampled answer, [n], in nats an answer.

    The sum over its positions of the exact divergence of the next-token distributions: given y
    drawn from pi, its mean is that of log pi(y) - log pi_ref(y), its variance lower, and it is
    never negative (Rao–Blackwellised; Amini et al. 2025, arXiv 2504.10637).
    """
    parts = []
    for part in chunks(range(len(rows)), BATCH):
        # One answer at a time: over a whole vocabulary, two distributions take much room.
        for index in part:
            batch = collate([rows[index]], policy.tokenizer.pad_token_id, policy.model.device)
            now = answer_logits(policy.model, batch).log_softmax(2)  # [1, longest, V]
            with policy.model.disable_adapter():
                reference = answer_logits(policy.model, batch).log_softmax(2)
            # Over the vocabulary, then over the answer.
            parts.append(float((now.exp() * (now - reference)).sum()))
        step()
    return np.array(parts)


def _metrics(
    policy: Policy, now: Written, before: Written, kl: Floats, prompt: Ints, seed: int
) -> dict[str, Any]:
    """Return the means over answers, each with its interval clustered by prompt[n]."""
    values = {"kl": kl}
    for name, written in (("", now), ("_reference", before)):
        values |= {
            f"length{name}_mean": np.array([len(tokens) for tokens in written.tokens], np.float64),
            **_flaw_shares(policy, written, name),
        }
    if now.rewards is not None and before.rewards is not None:
        values |= {
            "reward_mean": now.rewards,
            "reward_reference_mean": before.rewards,
            "reward_gain": now.rewards - before.rewards,
        }

    def statistics(weights: Floats) -> Mapping[str, float]:
        return {name: mean(value, weights) for name, value in values.items()}

    measured = with_intervals(statistics, prompt, seed=seed)
    return {**measured, "n_sampled": len(kl), "n_sampled_prompts": len(set(prompt.tolist()))}


def _flaw_shares(policy: Policy, written: Written, name: str) -> dict[str, Floats]:
    ends = set(end_tokens(policy.model, policy.tokenizer).tolist())
    flaws = [
        flaws_of(tokens, text, ends)
        for tokens, text in zip(written.tokens, written.texts, strict=True)
    ]
    # "any" is what a person would call a degenerate answer.
    titles = {"any": "degenerate", "empty": "empty", "cut": "cut", "repeating": "repeating"}
    return {
        f"{title}{name}_share": np.array([each[key] for each in flaws], np.float64)
        for key, title in titles.items()
    }


def _rows(
    asked: Sequence[tuple[str, Conversation]], now: Written, before: Written
) -> list[dict[str, Any]]:
    return [
        {
            "prompt_id": name,
            "messages": [dict(message) for message in messages],
            "policy": now.texts[row],
            "reference": before.texts[row],
            "reward": _reward(now, row),
            "reference_reward": _reward(before, row),
        }
        for row, (name, messages) in enumerate(asked)
    ]


def _reward(written: Written, row: int) -> float | None:
    return None if written.rewards is None else float(written.rewards[row])
