"""The JSON of runs and checkpoints, for the API and for `manage.py train`."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from feedback.training.models import Checkpoint, Kind, TrainingRun


class IsoDateTimeField(serializers.DateTimeField):
    """A moment as Python writes it: `2026-01-31T12:00:00.123456+00:00`."""

    def to_representation(self, value: datetime) -> str:
        """Return the moment in ISO 8601 with its offset."""
        return value.isoformat()


class RunInput(serializers.Serializer[Any]):
    """What to train."""

    kind = serializers.CharField(help_text=", ".join(Kind.values))
    config = serializers.DictField(required=False, default=dict)
    seed = serializers.IntegerField(required=False, default=0)


class CheckpointSerializer(serializers.ModelSerializer[Checkpoint]):
    """A checkpoint; `model` is the label of the model version that it became."""

    reason = serializers.CharField(read_only=True)
    model = serializers.CharField(source="model_version.label", default=None, allow_null=True)

    class Meta:
        model = Checkpoint
        fields = ["id", "kind", "version", "state", "reason", "digest", "files", "model"]


class RunSerializer(serializers.ModelSerializer[TrainingRun]):
    """A run as `selectors.runs_list` reads it, with the checkpoint that it made."""

    checkpoint = CheckpointSerializer(allow_null=True)
    promoted = serializers.BooleanField()
    seconds = serializers.SerializerMethodField()
    created_at = IsoDateTimeField()
    started_at = IsoDateTimeField(allow_null=True)
    finished_at = IsoDateTimeField(allow_null=True)

    class Meta:
        model = TrainingRun
        fields = [
            *("id", "number", "kind", "state", "phase", "progress", "attempt", "config", "seed"),
            *("snapshot_digest", "code_version", "schedule", "metrics", "error"),
            *("checkpoint", "promoted", "seconds", "created_at", "started_at", "finished_at"),
        ]

    def get_seconds(self, run: TrainingRun) -> float | None:
        """Return how long the run took; None while it is not over."""
        if run.started_at is None or run.finished_at is None:
            return None
        return round((run.finished_at - run.started_at).total_seconds(), 3)


class SampleSerializer(serializers.Serializer[Any]):
    """A `Sample`: a policy's answer to a held-out prompt, and that of its base, the reference."""

    prompt_id = serializers.CharField()
    messages = serializers.ListField(child=serializers.DictField())
    policy = serializers.CharField()
    reference = serializers.CharField()
    reward = serializers.FloatField(allow_null=True)
    reference_reward = serializers.FloatField(allow_null=True)
