"""Every table of the app, gathered from the domains for Django."""

from feedback.annotation.models import Place
from feedback.campaigns.models import Assignment, Campaign, GoldItem, Task
from feedback.hybrid.models import AIJudge, LabelRoute
from feedback.people.models import (
    ApiKey,
    AuditEvent,
    CacheEntry,
    ConsentRecord,
    Contributor,
    Invitation,
    RateLimit,
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
from feedback.pool.moderation.models import Report
from feedback.publication.models import Release
from feedback.quality.models import (
    CampaignAgreement,
    Consensus,
    QualitySignal,
    RaterReliability,
    RaterStanding,
)
from feedback.ranking.models import Influence, RankingCheck, StyledBoard, StyleTally, VoteTally
from feedback.registry.models import LanguageModel, ModelVersion, Provider, Topic
from feedback.routing.models import ModelRoute, Threshold
from feedback.routing.new_models.models import AnswerVector, ModelPosterior, ProbePrompt
from feedback.routing.prompt_vectors.models import PromptEncoder, PromptVector
from feedback.training.models import Checkpoint, ModelVector, Promotion, RunEvent, TrainingRun

__all__ = [
    "AIJudge",
    "AnswerVector",
    "ApiKey",
    "Assignment",
    "AuditEvent",
    "CacheEntry",
    "Campaign",
    "CampaignAgreement",
    "Checkpoint",
    "Comparison",
    "ComparisonOrigin",
    "Consensus",
    "ConsentRecord",
    "Contributor",
    "Conversation",
    "GoldItem",
    "Influence",
    "Invitation",
    "LabelRoute",
    "LanguageModel",
    "ModelPosterior",
    "ModelRoute",
    "ModelVector",
    "ModelVersion",
    "Outcome",
    "Place",
    "Preference",
    "ProbePrompt",
    "Promotion",
    "PromptEncoder",
    "PromptVector",
    "Provider",
    "QualitySignal",
    "RankingCheck",
    "RateLimit",
    "Rater",
    "RaterReliability",
    "RaterStanding",
    "Reaction",
    "Release",
    "Report",
    "Response",
    "RunEvent",
    "StyleTally",
    "StyledBoard",
    "Task",
    "Threshold",
    "Topic",
    "TrainingRun",
    "Turn",
    "VoteTally",
]
