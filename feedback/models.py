"""Every table of the app, gathered from the domains for Django."""

from feedback.annotation.models import Assignment
from feedback.campaigns.models import Campaign, GoldItem, Task
from feedback.hybrid.models import AIJudge, LabelRoute
from feedback.people.models import (
    ApiKey,
    AuditEvent,
    ConsentRecord,
    Contributor,
    OperatorLink,
    Rater,
)
from feedback.pool.models import (
    Comparison,
    ComparisonOrigin,
    Conversation,
    Outcome,
    Preference,
    Reaction,
    Response,
    Turn,
)
from feedback.publication.models import Release
from feedback.quality.models import Consensus, RaterReliability
from feedback.ranking.models import VoteTally
from feedback.registry.models import LanguageModel, ModelVersion, Provider, Topic
from feedback.routing.models import ModelRoute
from feedback.training.models import Checkpoint, Embedding, Promotion, RunEvent, TrainingRun

__all__ = [
    "AIJudge",
    "ApiKey",
    "Assignment",
    "AuditEvent",
    "Campaign",
    "Checkpoint",
    "Comparison",
    "ComparisonOrigin",
    "Consensus",
    "ConsentRecord",
    "Contributor",
    "Conversation",
    "Embedding",
    "GoldItem",
    "LabelRoute",
    "LanguageModel",
    "ModelRoute",
    "ModelVersion",
    "OperatorLink",
    "Outcome",
    "Preference",
    "Promotion",
    "Provider",
    "Rater",
    "RaterReliability",
    "Reaction",
    "Release",
    "Response",
    "RunEvent",
    "Task",
    "Topic",
    "TrainingRun",
    "Turn",
    "VoteTally",
]
