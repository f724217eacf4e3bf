"""Ask versions the calibration prompts.

Answers stay in the pool as any others do, under the source `probe`, and can be replayed.
"""

import time

from django.db.models import Exists, OuterRef

from feedback.database.locks import Lock, session_try_lock
from feedback.pool.hashing import text_hash
from feedback.pool.models import Response, Turn
from feedback.pool.self_identification import names_version
from feedback.registry.errors import NoAnswerError
from feedback.registry.health import live_versions
from feedback.registry.models import ModelVersion
from feedback.registry.providers import Call
from feedback.routing.calibration_prompts.answers import recorded_answers
from feedback.routing.calibration_prompts.selection import calibration_prompts

SOURCE = "probe"


def prompts_missing(version: ModelVersion) -> list[Turn]:
    """Return the calibration prompts that a version has not answered."""
    answered = recorded_answers().filter(version=version, turn=OuterRef("pk"))
    ids = [prompt.turn_id for prompt in calibration_prompts()]
    return list(Turn.objects.filter(~Exists(answered), pk__in=ids).order_by("pk"))


def prompts_ask(version: ModelVersion, *, seconds: float) -> int:
    """Ask a version what it has not answered, for so long at most; return how many answers came.

    It stops at the first call that fails, which the version's health notes: what is left is asked
    another time.
    """
    until, came = time.monotonic() + seconds, 0
    for turn in prompts_missing(version):
        try:
            came += _ask(version, turn)
        except NoAnswerError:
            break
        if time.monotonic() >= until:
            break
    return came


def new_models_ask(*, seconds: float) -> int:
    """Ask the well live versions that have not answered all prompts, the newest first.

    Returns how many answers came. One process at a time does so: a second would ask the same.
    """
    until, came = time.monotonic() + seconds, 0
    with session_try_lock(Lock.CALIBRATION_PROMPTS) as is_alone:
        if not is_alone or not calibration_prompts():
            return 0
        for version in live_versions().select_related("provider").order_by("-created_at"):
            left = until - time.monotonic()
            if left > 0:
                came += prompts_ask(version, seconds=left)
    return came


def _ask(version: ModelVersion, turn: Turn) -> bool:
    """Put one prompt to a version and keep the answer; return whether it is new."""
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
