"""Prompts of records, found or created."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from feedback.pool.hashing import messages_hash, question_hash, text_hash
from feedback.pool.importing.copying import rows_copy
from feedback.pool.importing.lookup import topics_ensure
from feedback.pool.importing.report import ImportReport
from feedback.pool.models import Conversation, Turn
from trainers.data.formats import Record


def prompt_keys(records: Iterable[Record]) -> list[bytes]:
    """Return for each record the key of its prompt: records about the same prompt share it.

    It is made of the messages, and of the question's identifier in its source where there is one:
    benchmarks ask the same words as different questions.
    """
    keys: list[bytes] = []
    before: tuple[object, ...] | None = None
    for record in records:
        prompt = (record.source, record.question_id, record.messages)
        # Rows of many models on one prompt follow each other: it is hashed once.
        keys.append(keys[-1] if prompt == before else _prompt_key(record))
        before = prompt
    return keys


def _prompt_key(record: Record) -> bytes:
    if not record.messages:
        return question_hash(record.source, record.question_id or "")
    content = messages_hash(record.messages)
    if record.question_id is None:
        return content
    return text_hash(content.hex() + question_hash(record.source, record.question_id).hex())


def prompts_ensure(
    records: Sequence[Record], keys: Sequence[bytes], report: ImportReport
) -> dict[bytes, UUID]:
    """Return prompts by key, made where new; a known prompt keeps the topics it came with."""
    found = Turn.objects.filter(import_key__in=set(keys)).values_list("import_key", "id")
    known = {bytes(key): turn_id for key, turn_id in found if key}
    new: dict[bytes, Turn] = {}
    topics: dict[bytes, set[str]] = {}
    for key, record in zip(keys, records, strict=True):
        if key not in known:
            if key not in new:
                new[key] = _new_turn(record, key)
            topics.setdefault(key, set()).update(record.topics)
    Conversation.objects.bulk_create(turn.conversation for turn in new.values())
    rows_copy(Turn, new.values())
    _add_topics(((new[key], names) for key, names in topics.items()), report)
    report.created["prompts"] += len(new)
    return known | {key: turn.id for key, turn in new.items()}


def _new_turn(record: Record, key: bytes) -> Turn:
    return Turn(
        conversation=Conversation(source=record.source),
        messages=[dict(message) for message in record.messages],
        question_id=record.question_id or "",
        content_hash=messages_hash(record.messages) if record.messages else key,
        import_key=key,
        language=getattr(record, "language", ""),
    )


def _add_topics(turns: Iterable[tuple[Turn, set[str]]], report: ImportReport) -> None:
    pairs = [(turn, name) for turn, names in turns for name in sorted(names)]
    topics = topics_ensure({name for _, name in pairs}, report)
    through = Turn.topics.through
    links = {(turn.id, topics[name]) for turn, name in pairs}
    through.objects.bulk_create(through(turn_id=turn, topic_id=topic) for turn, topic in links)
