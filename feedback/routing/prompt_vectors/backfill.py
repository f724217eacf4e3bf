"""Give every prompt its vector in the background: through the inference server, in batches.

The scan goes along the turns as they were made. It remembers how far it came (`walked`), and looks
again at the turns of the hour before, whose transactions may have ended late. What is written
twice is written once, so a scan may be killed anywhere.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import httpx
from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.database.locks import Lock, session_try_lock
from feedback.errors import UnavailableError
from feedback.pool.models import Turn
from feedback.routing.prompt_vectors.models import PromptEncoder, PromptVector
from feedback.routing.prompt_vectors.protocol import (
    PATH,
    AnswerError,
    Encoded,
    read_vectors,
    request_body,
)
from feedback.routing.prompt_vectors.store import (
    EncoderChangedError,
    encoder_in_use,
    encoder_trouble,
)
from trainers.arrays import Floats32
from trainers.data.texts import prompt_text

logger = logging.getLogger(__name__)

BATCH = 64  # prompts of a request; the server cuts it, so that people's prompts pass
PATIENCE_SECONDS = 60.0
BUSY = {429, 502, 503, 504}
OVERLAP_MS = 3_600_000  # an hour
BITS_BELOW_TIME = 80  # of a UUIDv7, whose time is in milliseconds


@dataclass(slots=True)
class Encodings:
    """The result of a scan: prompts encoded, prompts refused by the server, vectors removed."""

    encoder: PromptEncoder
    encoded: int = 0
    refused: int = 0
    removed: int = 0


def prompts_encode(*, seconds: float) -> Encodings | None:
    """Encode prompts that lack a vector of the encoder in use, for so long at most.

    Half of the time is left to the server for people. Returns None where another process is at
    it. The first encoder that answers is the one in use; another one later raises
    EncoderChangedError, and a server that does not answer UnavailableError.
    """
    with session_try_lock(Lock.PROMPT_VECTORS) as is_alone:
        if not is_alone:
            return None
        with _client() as client:
            encoder = encoder_in_use() or _adopt(_seen(client))
            return _scan(client, encoder, until=time.monotonic() + seconds, rest=1.0)


def prompts_encode_anew() -> Encodings:
    """Encode every prompt with the encoder that the server has now, and use that one from then on.

    The vectors of other encoders are deleted last, so that they serve until then. Raises
    UnavailableError where another process encodes, or the server does not answer.
    """
    with session_try_lock(Lock.PROMPT_VECTORS) as is_alone:
        if not is_alone:
            raise UnavailableError("busy", _("Prompts are being encoded. Try again in a minute."))
        with _client() as client:
            encoder = _seen(client)
            encoder.walked = None
            done = _scan(client, encoder, until=float("inf"), rest=0.0)
            _adopt(encoder)
    done.removed, _by_model = PromptVector.objects.exclude(encoder=encoder).delete()
    PromptEncoder.objects.exclude(pk=encoder.pk).delete()
    return done


def texts_encode(texts: Sequence[str]) -> list[Floats32]:
    """Return the vectors [d] of texts by the encoder in use; another raises EncoderChangedError."""
    found: list[Encoded] = []
    with _client() as client:
        for start in range(0, len(texts), BATCH):
            found += _ask(client, texts[start : start + BATCH])
    if found and _note(found[0]) != encoder_in_use():
        raise EncoderChangedError(encoder_trouble())
    return [one.vector for one in found]


def _scan(client: httpx.Client, encoder: PromptEncoder, *, until: float, rest: float) -> Encodings:
    """Encode along the turns until the newest or the time.

    After each batch it rests for `rest` times as long as the batch took.
    """
    done = Encodings(encoder)
    # Looked up first: turns that are made during the scan are the next one's.
    newest = Turn.objects.order_by("-id").values_list("id", flat=True).first()
    cursor = _hour_before(encoder.walked)
    while turns := _missing(encoder, after=cursor):
        began = time.monotonic()
        _write(client, turns, done)
        cursor = turns[-1].id
        _remember(encoder, cursor)
        ended = time.monotonic()
        if ended >= until:
            return done
        time.sleep(rest * (ended - began))
    if newest is not None:
        _remember(encoder, newest)
    return done


def _missing(encoder: PromptEncoder, *, after: UUID) -> list[Turn]:
    """Return the next turns whose prompts have no vector; without messages there is no prompt."""
    own = PromptVector.objects.filter(content_hash=OuterRef("content_hash"), encoder=encoder)
    turns = Turn.objects.filter(~Exists(own), id__gt=after).exclude(messages=[])
    return list(turns.only("content_hash", "messages").order_by("id")[:BATCH])


def _write(client: httpx.Client, turns: Sequence[Turn], done: Encodings) -> None:
    """Write the vectors of these turns' prompts. A prompt that the server refuses is left out."""
    texts = {bytes(turn.content_hash): prompt_text(turn.messages) for turn in turns}
    try:
        found = dict(zip(texts, _ask(client, list(texts.values())), strict=True))
    except httpx.HTTPStatusError:
        found = _one_by_one(client, texts)
    if _note(next(iter(found.values()))) != done.encoder:
        raise EncoderChangedError(encoder_trouble())
    PromptVector.objects.bulk_create(
        (
            PromptVector(
                content_hash=key,
                encoder=done.encoder,
                dimension=done.encoder.dimension,
                vector=one.vector,
            )
            for key, one in found.items()
        ),
        ignore_conflicts=True,
    )
    done.encoded += len(found)
    done.refused += len(texts) - len(found)


def _one_by_one(client: httpx.Client, texts: Mapping[bytes, str]) -> dict[bytes, Encoded]:
    """Return the vectors of those that the server does not refuse; one that refuses all is down."""
    found = {}
    for key, text in texts.items():
        try:
            (found[key],) = _ask(client, [text])
        except httpx.HTTPStatusError as error:
            refusal = error
            logger.warning("prompt %s cannot be encoded: %s", key.hex(), error)
    if not found:
        raise _unavailable(refusal)
    return found


def _ask(client: httpx.Client, texts: Sequence[str]) -> list[Encoded]:
    """Return the server's vectors.

    Raises HTTPStatusError where the texts are to blame, UnavailableError where the server is.
    """
    try:
        return read_vectors(client.post(PATH, json=request_body(texts)), len(texts))
    except httpx.HTTPStatusError as error:
        if error.response.status_code in BUSY:
            raise _unavailable(error) from error
        raise
    except AnswerError as error:
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> UnavailableError:
    message = _("The inference server does not encode: %(error)s")
    return UnavailableError(
        "encoder_failed", message % {"error": str(error) or type(error).__name__}
    )


def _seen(client: httpx.Client) -> PromptEncoder:
    """Return the encoder that the server has now."""
    try:
        return _note(_ask(client, ["Which encoder is this?"])[0])
    except httpx.HTTPStatusError as error:
        raise _unavailable(error) from error


def _note(one: Encoded) -> PromptEncoder:
    """Return the row of the encoder that gave a vector, which was seen just now."""
    encoder, _created = PromptEncoder.objects.update_or_create(
        name=one.encoder,
        version=one.version,
        dimension=len(one.vector),
        defaults={"seen_at": timezone.now()},
    )
    return encoder


def _adopt(encoder: PromptEncoder) -> PromptEncoder:
    encoder.adopted_at = timezone.now()
    encoder.save(update_fields=["adopted_at"])
    return encoder


def _remember(encoder: PromptEncoder, walked: UUID) -> None:
    encoder.walked = walked
    encoder.save(update_fields=["walked"])


def _hour_before(walked: UUID | None) -> UUID:
    """Return the smallest key that can have been made in the hour before this one."""
    made = walked.int >> BITS_BELOW_TIME if walked else 0
    return UUID(int=max(0, made - OVERLAP_MS) << BITS_BELOW_TIME)


def _client() -> httpx.Client:
    return httpx.Client(base_url=settings.EMBEDDINGS_URL, timeout=PATIENCE_SECONDS, trust_env=False)
