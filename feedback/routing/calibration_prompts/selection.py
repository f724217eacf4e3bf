"""The calibration prompts: chosen once, of those that most known models have answered.

As tinyBenchmarks chooses its anchors (arXiv 2402.14992), prompts are clustered by what the live
embedding expects of each model on them, and one of each cluster stands for it.
"""

from collections.abc import Sequence

import numpy as np
from django.db import transaction
from django.db.models import Count

from feedback.pool.models import Turn
from feedback.routing.calibration_prompts.answers import recorded_answers
from feedback.routing.new_models.models import ProbePrompt
from feedback.routing.posterior import live_embedding, scorer_of
from feedback.routing.prompt_vectors.store import vectors_of
from feedback.training.models import Checkpoint
from trainers.calibration_prompts.anchors import choose_anchors
from trainers.statistics.logistic import sigmoid

PROMPTS = 40
CANDIDATES = 2000
LEAST_COVERED = 0.8  # a candidate has this share of the answers of the most answered prompt


def calibration_prompts() -> list[ProbePrompt]:
    """Return the set, in a fixed order; the first call that can choose it does.

    Empty before an embedding is promoted. A later embedding leaves the set as it is, so that
    answers need not be asked again.
    """
    chosen = ProbePrompt.objects.filter(turn__withheld_at=None).select_related("turn")
    found = list(chosen.order_by("turn_id"))
    checkpoint = live_embedding()
    if found or checkpoint is None:
        return found
    _choose(checkpoint)
    return list(chosen.order_by("turn_id"))


def _choose(checkpoint: Checkpoint) -> None:
    scorer = scorer_of(checkpoint)
    turns = _candidates(scorer.models)
    vectors = vectors_of({bytes(turn.content_hash).hex() for turn in turns})
    known = {bytes(turn.content_hash).hex(): turn for turn in turns}  # equal prompts are one
    keys = sorted(key for key in known if key in vectors)
    if not keys:
        return
    expected = sigmoid(scorer.scores(np.stack([vectors[key] for key in keys])))
    anchors = choose_anchors(expected, PROMPTS)
    with transaction.atomic():
        ProbePrompt.objects.all().delete()
        ProbePrompt.objects.bulk_create(
            ProbePrompt(turn=known[keys[item]], weight=float(weight))
            for item, weight in zip(anchors.items, anchors.weights, strict=True)
        )


def _candidates(models: Sequence[str]) -> list[Turn]:
    """Return prompts in circulation that about as many of these models have answered as any."""
    answers = recorded_answers().filter(version__label__in=models)
    covered = dict(
        answers.values_list("turn").annotate(count=Count("version", distinct=True)).order_by()
    )
    least = LEAST_COVERED * max(covered.values(), default=0)
    ids = sorted((turn for turn, count in covered.items() if count >= least), key=str)
    turns = Turn.objects.in_circulation().filter(pk__in=ids[:CANDIDATES])
    return list(turns.exclude(messages=[]))
