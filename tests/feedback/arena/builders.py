"""Recorded questions and live models for the arena."""

from feedback.pool.hashing import messages_hash, text_hash
from feedback.pool.importing.lookup import replay_provider
from feedback.pool.models import Conversation, Response, Turn
from feedback.registry.models import ModelVersion, Provider, ProviderKind, Topic
from tests.feedback.builders import make_version

QUESTION = "How do vector clocks work?"


def replaying(name: str) -> ModelVersion:
    """A model of which there are only recorded answers."""
    version = make_version(name)
    version.provider = replay_provider()
    version.save()
    return version


def live(remote_name: str, base_url: str, key_variable: str = "") -> ModelVersion:
    """A model on a server; the remote name says how it behaves there."""
    version = make_version(f"{remote_name.title()} Model")
    version.provider, _ = Provider.objects.get_or_create(
        name=f"{base_url} {key_variable}",
        defaults={
            "kind": ProviderKind.OPENAI,
            "base_url": base_url,
            "api_key_variable": key_variable,
        },
    )
    version.remote_name = remote_name
    version.save()
    return version


def record_question(
    answers: dict[ModelVersion, str], text: str = QUESTION, topic: str = "", language: str = "en"
) -> Turn:
    """A prompt as an import leaves it, with answers to replay."""
    messages = [{"role": "user", "content": text}]
    turn = Turn.objects.create(
        conversation=Conversation.objects.create(source="records"),
        messages=messages,
        content_hash=messages_hash(messages),
        import_key=messages_hash(messages),
        language=language,
    )
    if topic:
        turn.topics.add(Topic.objects.get_or_create(slug=topic, defaults={"name": topic})[0])
    for version, answer in answers.items():
        Response.objects.create(
            turn=turn,
            version=version,
            text=answer,
            text_hash=text_hash(answer),
            source="records",
            licence="CC-BY-4.0",
        )
    return turn


def two_recorded(text: str = QUESTION, topic: str = "") -> Turn:
    """A question that Ada and Blaise have answered."""
    pair = {
        replaying(f"Ada {text[:8]}"): "One counter for each process.",
        replaying(f"Blaise {text[:8]}"): "Merge, then count.",
    }
    return record_question(pair, text, topic)
