"""Names of metrics as people read them, in their language; trainers report identifiers."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

METRICS: Mapping[str, Promise] = {
    "accuracy": gettext_lazy("accuracy"),
    "accuracy_ai": gettext_lazy("accuracy on labels of AI judges"),
    "accuracy_people": gettext_lazy("accuracy on labels of people"),
    "auc": gettext_lazy("area under the ROC curve"),
    "baseline_length_accuracy": gettext_lazy("baseline: accuracy of the longer answer"),
    "baseline_majority_accuracy": gettext_lazy("baseline: accuracy of the more frequent side"),
    "baseline_reference_accuracy": gettext_lazy("baseline: accuracy of the reference"),
    "best_single_score": gettext_lazy("score of the best single model"),
    "bradley_terry_accuracy": gettext_lazy("accuracy with the plain Bradley–Terry loss"),
    "cut_reference_share": gettext_lazy("share of the reference's answers cut at the limit"),
    "cut_share": gettext_lazy("share of answers cut at the limit"),
    "degenerate_reference_share": gettext_lazy(
        "share of the reference's answers empty, cut or repeating"
    ),
    "degenerate_share": gettext_lazy("share of answers empty, cut or repeating"),
    "ece": gettext_lazy("expected calibration error"),
    "empty_reference_share": gettext_lazy("share of the reference's answers that are empty"),
    "empty_share": gettext_lazy("share of answers that are empty"),
    "implicit_accuracy": gettext_lazy("implicit accuracy"),
    "implicit_margin": gettext_lazy("implicit margin"),
    "initial_margin_rms": gettext_lazy("margin before the first step (root mean square)"),
    "kl": gettext_lazy("KL divergence from the reference"),
    "knn_accuracy": gettext_lazy("accuracy of nearest neighbours"),
    "knn_routed_score": gettext_lazy("routed score of nearest neighbours"),
    "learning_rate": gettext_lazy("learning rate"),
    "length_mean": gettext_lazy("mean length"),
    "length_reference_mean": gettext_lazy("mean length of the reference"),
    "log_loss": gettext_lazy("log loss"),
    "loss": gettext_lazy("loss"),
    "margin": gettext_lazy("margin"),
    "model_mean_log_loss": gettext_lazy("log loss of each model's mean"),
    "n": gettext_lazy("judgments or outcomes"),
    "n_prompts": gettext_lazy("test prompts"),
    "n_sampled": gettext_lazy("sampled answers"),
    "n_sampled_prompts": gettext_lazy("prompts of sampled answers"),
    "oracle_score": gettext_lazy("score of the best choice for each prompt"),
    "preference_log_loss": gettext_lazy("log loss on comparisons"),
    "preference_mean_log_loss": gettext_lazy("log loss on comparisons of each model's mean"),
    "random_score": gettext_lazy("score of a random choice"),
    "repeating_reference_share": gettext_lazy(
        "share of the reference's answers that repeat themselves"
    ),
    "repeating_share": gettext_lazy("share of answers that repeat themselves"),
    "reward_gain": gettext_lazy("reward above that of the reference"),
    "reward_mean": gettext_lazy("mean reward"),
    "reward_reference_mean": gettext_lazy("mean reward of the reference"),
    "routed_gain": gettext_lazy("routed score above the best single model"),
    "routed_score": gettext_lazy("routed score"),
}
SPLITS: Mapping[str, Promise] = {
    "validation_": gettext_lazy("validation %s"),
    "train_": gettext_lazy("training %s"),
    "test_": gettext_lazy("test %s"),
}


def metric_name(name: str) -> str:
    """Return the name of a metric in words; one that is not listed by its identifier."""
    if name in METRICS:
        return str(METRICS[name])
    for prefix, text in SPLITS.items():
        if name.startswith(prefix):
            return str(text) % metric_name(name.removeprefix(prefix))
    return name.replace("_", " ")
