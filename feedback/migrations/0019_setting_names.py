"""Settings of stored runs by the names that the trainers gave them on 1 December 2026.

The table is a copy: the trainers' own may change, and what this migration does may not. Values
stay. The digest of a config is that of its new names, as for a run that is asked for from now on;
no two old names became one, so two runs that differed still differ.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.db import migrations

RENAMED = {
    "reward": {
        "backbone": "model_name_or_path",
        "batch": "optim.train_batch_size",
        "combination": "head.combination",
        "control": "loss.control",
        "decorrelate": "loss.decorrelation",
        "dimension": "head.dimension",
        "encoder": "features.encoder",
        "epochs": "optim.num_train_epochs",
        "head": "head.architecture",
        "hidden": "features.hidden_size",
        "kind": "head.kind",
        "layers": "features.layers",
        "learning_rate": "optim.learning_rate",
        "lora_alpha": "lora.alpha",
        "lora_rank": "lora.rank",
        "loss": "loss.type",
        "margin": "loss.margin",
        "max_tokens": "features.max_length",
        "meet": "pairs_per_group",
        "members": "head.ensemble_size",
        "patience": "early_stopping_patience",
        "prior": "head.prior_scale",
        "rho0": "scaling.rho0",
        "step_tokens": "max_tokens_per_microbatch",
        "tau0": "scaling.tau0",
        "tau_max": "scaling.tau_max",
        "ties": "loss.ties",
        "twin": "train_baseline",
        "variant": "scaling.variant",
        "warmup_fraction": "optim.warmup_ratio",
        "weight_decay": "optim.weight_decay",
    },
    "policy": {
        "base": "model_name_or_path",
        "base_layers": "tiny.num_hidden_layers",
        "base_learning_rate": "tiny.learning_rate",
        "base_steps": "tiny.max_steps",
        "base_vocabulary": "tiny.vocab_size",
        "base_width": "tiny.hidden_size",
        "batch": "optim.train_batch_size",
        "epochs": "optim.num_train_epochs",
        "learning_rate": "optim.learning_rate",
        "lora_alpha": "lora.alpha",
        "lora_rank": "lora.rank",
        "max_steps": "optim.max_steps",
        "micro_batch": "optim.per_device_train_batch_size",
        "reward": "reward_model",
        "rho0": "scaling.rho0",
        "sample_prompts": "sampling.num_prompts",
        "sample_tokens": "sampling.max_new_tokens",
        "tau0": "scaling.tau0",
        "tau_max": "scaling.tau_max",
        "warmup_fraction": "optim.warmup_ratio",
    },
    "embedding": {
        "batch": "optim.train_batch_size",
        "encoder": "model_name_or_path",
        "epochs": "optim.num_train_epochs",
        "learning_rate": "optim.learning_rate",
        "max_tokens": "max_length",
        "weight_decay": "optim.weight_decay",
    },
}


def rename(apps: Any, _schema_editor: Any) -> None:
    """Write the config of every run by the new names."""
    map_names(apps.get_model("feedback", "TrainingRun"), RENAMED)


def rename_back(apps: Any, _schema_editor: Any) -> None:
    """Write the config of every run by the old names."""
    old = {kind: {new: name for name, new in table.items()} for kind, table in RENAMED.items()}
    map_names(apps.get_model("feedback", "TrainingRun"), old)


def map_names(runs: Any, tables: Mapping[str, Mapping[str, str]]) -> None:
    """Rename keys of `config` by kind, and digest what changed."""
    for run in runs.objects.exclude(config={}).only("kind", "config").iterator():
        table = tables.get(run.kind, {})
        config = {table.get(name, name): value for name, value in run.config.items()}
        if config != run.config:
            text = json.dumps(config, sort_keys=True, ensure_ascii=False, allow_nan=False)
            digest = hashlib.sha256(text.encode()).hexdigest()
            runs.objects.filter(pk=run.pk).update(config=config, config_digest=digest)


class Migration(migrations.Migration):
    dependencies = [("feedback", "0018_verdicts")]

    operations = [migrations.RunPython(rename, rename_back)]
