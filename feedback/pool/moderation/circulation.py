"""Taking texts out of circulation, and putting them back.

A report that a curator upheld is the truth; `withheld_at` of answers, prompts and comparisons
follows from it, so that tasks, recorded answers, exports and snapshots ask one column. With a text
go its copies (the same answer replayed, the same prompt asked again) and what repeats it later in
the same conversation; what is new on a withheld text is withheld from the start, by triggers
(`feedback/pool/sql/withheld_texts.sql`). Judgments stay what they are; published ones leave the
live export as removals, and return under a new number when their texts do.
"""

from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from feedback.pool.lifecycle import judgments_restore, judgments_withhold
from feedback.pool.models import Comparison, Preference, Response, Turn
from feedback.pool.querysets import TextQuerySet


@dataclass(slots=True)
class Texts:
    """Keys of answers and prompts that are withheld, or put back, together."""

    responses: set[UUID] = field(default_factory=set)
    turns: set[UUID] = field(default_factory=set)

    def add(self, other: "Texts") -> None:
        """Add the texts of another set."""
        self.responses |= other.responses
        self.turns |= other.turns


def texts_with(*, response: Response | None = None, turn: Turn | None = None) -> Texts:
    """Return an answer or a prompt with all that repeats it."""
    if response is not None:
        return _with_response(response)
    return _with_turn(turn) if turn is not None else Texts()


def texts_withhold(texts: Texts) -> None:
    """Take texts out of circulation; in the caller's transaction."""
    now = timezone.now()
    responses, turns = _rows(texts)
    responses.in_circulation().update(withheld_at=now)
    turns.in_circulation().update(withheld_at=now)
    fresh = _keys(_comparisons(texts).in_circulation())
    Comparison.objects.filter(pk__in=fresh).update(withheld_at=now)
    judgments_withhold(Preference.objects.filter(comparison__in=fresh))


def texts_restore(texts: Texts, *, except_for: Texts) -> None:
    """Put texts back, but for what something else withholds; in the caller's transaction."""
    back = Texts(texts.responses - except_for.responses, texts.turns - except_for.turns)
    for rows in _rows(back):
        rows.update(withheld_at=None)
    withheld = Q(turn__withheld_at__isnull=False)
    for side in ("response_a", "response_b"):
        withheld |= Q(**{f"{side}__withheld_at__isnull": False})
    free = _keys(_comparisons(back).exclude(withheld_at=None).exclude(withheld))
    Comparison.objects.filter(pk__in=free).update(withheld_at=None)
    judgments_restore(Preference.objects.filter(comparison__in=free))


def _with_response(response: Response) -> Texts:
    copies = Response.objects.filter(
        version=response.version_id,
        text_hash=response.text_hash,
        turn__content_hash=response.turn.content_hash,
    )
    quoted = [{"role": "assistant", "content": response.text}]
    later = _after(Turn.objects.filter(responses__in=copies))
    quoting = Response.objects.filter(turn__in=later, own_messages__contains=quoted)
    return Texts(
        responses={response.pk, *_keys(copies), *_keys(quoting)},
        turns=set(_keys(later.filter(messages__contains=quoted))),
    )


def _with_turn(turn: Turn) -> Texts:
    copies = Turn.objects.filter(content_hash=turn.content_hash)
    return Texts(turns={turn.pk, *_keys(copies), *_keys(_after(copies))})


def _after(turns: TextQuerySet[Turn]) -> TextQuerySet[Turn]:
    """Return what comes later than one of these turns in its conversation."""
    earlier = turns.filter(conversation=OuterRef("conversation"), position__lt=OuterRef("position"))
    # The first condition says it all; the second lets the index of conversations find the rows.
    return Turn.objects.filter(Exists(earlier), conversation__in=turns.values("conversation"))


def _rows(texts: Texts) -> tuple[TextQuerySet[Response], TextQuerySet[Turn]]:
    return (
        Response.objects.filter(pk__in=texts.responses),
        Turn.objects.filter(pk__in=texts.turns),
    )


def _comparisons(texts: Texts) -> TextQuerySet[Comparison]:
    answers = Q(response_a__in=texts.responses) | Q(response_b__in=texts.responses)
    return Comparison.objects.filter(answers | Q(turn__in=texts.turns))


def _keys(
    rows: TextQuerySet[Response] | TextQuerySet[Turn] | TextQuerySet[Comparison],
) -> list[UUID]:
    return list(rows.values_list("pk", flat=True))
