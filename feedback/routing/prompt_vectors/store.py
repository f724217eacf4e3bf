"""Vectors of prompts, kept in pgvector: read one, read many, find the nearest.

A prompt's vector is known by the hash of its content (`Turn.content_hash`, in hexadecimal here) and
by the encoder that gave it. Vectors of two encoders are never compared.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import BinaryField, Exists, Func, OuterRef
from django.db.models.functions import Cast
from django.utils.translation import gettext as _
from pgvector.django import CosineDistance, VectorField

from feedback.errors import UnavailableError
from feedback.pool.hashing import messages_hash
from feedback.pool.models import Turn
from feedback.routing.posterior import live_embedding, scorer_of
from feedback.routing.prompt_vectors.client import PromptUnusedError, encoder_client
from feedback.routing.prompt_vectors.models import VERSION_SHOWN, PromptEncoder, PromptVector
from feedback.routing.prompt_vectors.protocol import Encoded
from trainers.arrays import Floats32
from trainers.data.texts import Conversation, prompt_text
from trainers.errors import InputError
from trainers.model_vectors.scorer import Scorer

# As COPY sends a vector: its length in four bytes, then its numbers. Reading the text of one costs
# ten times as much, which counts where there are thousands.
SENT = Func("vector", function="vector_send", output_field=BinaryField())
SENT_HEAD = 4


class EncoderChangedError(UnavailableError):
    """The vectors at hand are of another encoder than the one that is needed."""

    def __init__(self, message: str) -> None:
        super().__init__("encoder_changed", message)


@dataclass(frozen=True, slots=True, kw_only=True)
class LikeTurn:
    """A turn, and the cosine of its prompt's vector with the one that was asked for."""

    turn: Turn
    similarity: float


def encoder_in_use() -> PromptEncoder | None:
    """Return the encoder whose vectors are kept; None before the first prompt is encoded."""
    adopted = PromptEncoder.objects.exclude(adopted_at=None)
    return adopted.order_by("-adopted_at").first()


def encoder_trouble() -> str:
    """Return what is wrong between inference server, stored vectors and promoted embedding.

    Empty where all three go together.
    """
    used = encoder_in_use()
    if used is None:
        return ""
    seen = PromptEncoder.objects.latest("seen_at")
    if seen != used:
        return _(
            "Run manage.py prompts_encode, then train an embedding: the inference server encodes "
            "with %(seen)s, the stored vectors are of %(used)s."
        ) % {"seen": seen, "used": used}
    return _embedding_trouble(used)


def prompt_vector(messages: Conversation, scorer: Scorer) -> Floats32:
    """Return a prompt's vector [d] that the scorer can read; raise PromptUnusedError otherwise.

    From memory, from the table, which still knows it when the inference server is down, or else
    from the encoder. Nothing is written here: a prompt that is only asked about is not kept, and
    those of turns get their vectors from `routing.encode_prompts`, in the background.
    """
    key, client = messages_hash(messages), encoder_client()
    found = client.known(key)
    if found is None or not _fits(found, scorer):
        found = _stored(key, scorer)
        if found is None:
            deadline = settings.ROUTING_DEADLINE_SECONDS
            found = client.encode(key, prompt_text(messages), deadline)
        else:
            client.keep(key, found)
    if not _fits(found, scorer):
        raise PromptUnusedError("encoder_changed")
    return found.vector


def vectors_of(content_hashes: Iterable[str]) -> dict[str, Floats32]:
    """Return the vectors [d] of those prompts that are encoded already, by hash.

    They fit the promoted embedding; where they would not, EncoderChangedError says what to do.
    """
    used = encoder_in_use()
    if used is None:
        return {}
    if trouble := _embedding_trouble(used):
        raise EncoderChangedError(trouble)
    keys = [bytes.fromhex(key) for key in content_hashes]
    found = PromptVector.objects.filter(encoder=used, content_hash__in=keys).annotate(sent=SENT)
    return {
        bytes(key).hex(): np.frombuffer(sent, ">f4", offset=SENT_HEAD).astype(np.float32)
        for key, sent in found.values_list("content_hash", "sent")
    }


def turns_like(turn: Turn, limit: int = 10) -> list[LikeTurn]:
    """Return turns in circulation whose prompts mean about the same, nearest first.

    Each prompt comes once. Empty where the turn is not encoded yet; raises EncoderChangedError
    where the encoder that is served cannot encode it.
    """
    used = encoder_in_use()
    kept = PromptVector.objects.filter(encoder=used, content_hash=turn.content_hash)
    own = kept.first() if used else None
    if used is None or own is None:
        if trouble := encoder_trouble():
            raise EncoderChangedError(trouble)
        return []
    near = _nearest(used, own, limit)
    turns = Turn.objects.in_circulation().filter(content_hash__in=near)
    first = turns.order_by("content_hash", "id").distinct("content_hash")
    found = [LikeTurn(turn=one, similarity=near[bytes(one.content_hash)]) for one in first]
    return sorted(found, key=lambda one: -one.similarity)


def _nearest(used: PromptEncoder, own: PromptVector, limit: int) -> dict[bytes, float]:
    """Return the cosines of the nearest other prompts that a turn in circulation has, by hash."""
    shown = Turn.objects.in_circulation().filter(content_hash=OuterRef("content_hash"))
    vector = Cast("vector", VectorField(dimensions=used.dimension))  # as the index has it
    near = (
        PromptVector.objects.filter(Exists(shown), encoder=used, dimension=used.dimension)
        .exclude(pk=own.pk)
        .annotate(distance=CosineDistance(vector, own.vector))
        .order_by("distance")
        .values_list("content_hash", "distance")
    )
    with transaction.atomic(), connection.cursor() as cursor:
        # Without it the index gives its 40 nearest, of which the filters may leave too few; with it
        # the scan goes on until enough pass, nearest first.
        cursor.execute("SET LOCAL hnsw.iterative_scan = strict_order")
        return {bytes(key): 1.0 - distance for key, distance in near[:limit]}


def _stored(key: bytes, scorer: Scorer) -> Encoded | None:
    """Return what the table has for a prompt that the scorer can read."""
    rows = PromptVector.objects.filter(content_hash=key).select_related("encoder")
    kept = (
        Encoded(
            vector=np.asarray(row.vector, np.float32),
            encoder=row.encoder.name,
            version=row.encoder.version,
        )
        for row in rows
    )
    return next((one for one in kept if _fits(one, scorer)), None)


def _fits(found: Encoded, scorer: Scorer) -> bool:
    same = _same_encoder(found.version, scorer.fingerprint)
    return len(found.vector) == scorer.dimension and same


def _embedding_trouble(used: PromptEncoder) -> str:
    checkpoint = live_embedding()
    if checkpoint is None:
        return ""
    try:
        scorer = scorer_of(checkpoint)
    except (InputError, OSError) as error:
        return _("%(embedding)s cannot be read: %(error)s") % {
            "embedding": checkpoint,
            "error": error,
        }
    if scorer.dimension == used.dimension and _same_encoder(scorer.fingerprint, used.version):
        return ""
    return _(
        "Serve the encoder of %(embedding)s and run manage.py prompts_encode, or train another "
        "embedding: it reads %(dimension)d numbers of %(encoder)s, the stored vectors are of "
        "%(used)s."
    ) % {
        "embedding": checkpoint,
        "encoder": f"{scorer.encoder} {scorer.fingerprint[:VERSION_SHOWN]}".rstrip(),
        "dimension": scorer.dimension,
        "used": used,
    }


def _same_encoder(fingerprint: str, other: str) -> bool:
    """Say whether two fingerprints may be of one encoder: a server of somebody else tells none."""
    return not (fingerprint and other) or fingerprint == other
