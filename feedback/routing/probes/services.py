"""Asking a new model a few well-chosen prompts, so that its answers tell what it is like.

The prompts are chosen once, as tinyBenchmarks chooses its anchors: of those to which the most known
models have recorded answers, clustered by what the live embedding expects of each model on them.
Answers stay in the pool as any others do, under the source `probe`, and can be replayed.
"""

import time
from collections.abc import Sequence

import numpy as np
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet

from feedback.database.locks import Lock, session_try_lock
from feedback.pool.hashing import text_hash
from feedback.pool.models import Response, ResponseState, Turn
from feedback.pool.self_identification import names_version
from feedback.registry.errors import NoAnswerError
from feedback.registry.health import live_versions
from feedback.registry.models import ModelVersion
from feedback.registry.providers import Call
from feedback.routing.new_models.models import ProbePrompt
from feedback.routing.posterior import live_embedding, scorer_of
from feedback.routing.prompt_vectors.store import vectors_of
from feedback.training.models import Checkpoint
from trainers.calibration_prompts.anchors import choose_anchors
from trainers.statistics.logistic import sigmoid

SOURCE = "probe"
PROMPTS = 40
CANDIDATES = 2000
MOST_COVERED = 0.8  # of the prompt with the most answers: a candidate has this share at least


def probe_prompts() -> list[ProbePrompt]:
    """The probe set, in a fixed order; chosen at the first call that can choose it."""
    chosen = ProbePrompt.objects.filter(turn__withheld_at=None).select_related("turn")
    found = list(chosen.order_by("turn_id"))
    checkpoint = live_embedding()
    if found or checkpoint is None:
        return found
    _choose(checkpoint)
    return list(chosen.order_by("turn_id"))


def probe_missing(version: ModelVersion) -> list[Turn]:
    """The probe's prompts that a version has not answered."""
    answered = _answers(version).filter(turn=OuterRef("pk"))
    ids = [prompt.turn_id for prompt in probe_prompts()]
    return list(Turn.objects.filter(~Exists(answered), pk__in=ids).order_by("pk"))


def probe_ask(version: ModelVersion, *, seconds: float) -> int:
    """Ask a version what it has not answered, for so long at most; how many answers came.

    It stops at the first call that fails, which the version's health notes: what is left is asked
    another time.
    """
    until, came = time.monotonic() + seconds, 0
    for turn in probe_missing(version):
        try:
            came += _asked(version, turn)
        except NoAnswerError:
            break
        if time.monotonic() >= until:
            break
    return came


def probe_next(*, seconds: float) -> int:
    """Ask the well live versions that have not answered all of it, the newest first.

    One process at a time does so: a second would ask the same.
    """
    until, came = time.monotonic() + seconds, 0
    with session_try_lock(Lock.CALIBRATION_PROMPTS) as is_alone:
        if not is_alone or not probe_prompts():
            return 0
        for version in live_versions().select_related("provider").order_by("-created_at"):
            left = until - time.monotonic()
            if left > 0:
                came += probe_ask(version, seconds=left)
    return came


def _asked(version: ModelVersion, turn: Turn) -> bool:
    """Put one prompt to it and keep the answer; whether it is new."""
    started = time.monotonic()
    call = Call(version, turn.messages)
    text = "".join(call.pieces()).replace("\x00", "").encode(errors="replace").decode()
    if not text.strip():
        raise NoAnswerError("empty answer")
    usage = call.reading.usage or {}
    tokens = usage.get("completion_tokens")
    _, is_new = Response.objects.get_or_create(
        turn=turn,
        version=version,
        sample_index=0,
        defaults={
            "text": text,
            "text_hash": text_hash(text),
            "names_its_model": names_version(text, version),
            "source": SOURCE,
            "licence": version.output_licence,
            "sampling": version.sampling,
            "completion_tokens": tokens if isinstance(tokens, int) and tokens >= 0 else None,
            "latency_ms": round(1000 * (time.monotonic() - started)),
        },
    )
    return is_new


def _answers(version: ModelVersion) -> QuerySet[Response]:
    return recorded().filter(version=version)


def recorded() -> QuerySet[Response]:
    """Answers that say what their version is like: to the prompt as it is, complete, with text."""
    finished = Response.objects.in_circulation().filter(state=ResponseState.FINISHED)
    return finished.filter(own_messages__isnull=True).exclude(text="")


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
    """Prompts in circulation to which about as many of these models have answered as to any."""
    answers = recorded().filter(version__label__in=models)
    covered = dict(
        answers.values_list("turn").annotate(count=Count("version", distinct=True)).order_by()
    )
    least = MOST_COVERED * max(covered.values(), default=0)
    ids = sorted((turn for turn, count in covered.items() if count >= least), key=str)
    turns = Turn.objects.in_circulation().filter(pk__in=ids[:CANDIDATES])
    return list(turns.exclude(messages=[]))
