"""Policy runs of before name the base that they meant: the tiny one, which is no default any more.

A schedule keeps its settings, and trains on the new default; one that sets the tiny base's own
settings names it.
"""

import hashlib
import json
from typing import Any

from django.db import migrations

BASE, TINY = "model_name_or_path", "tiny"
TASK = "training.run_scheduled"


def name_bases(apps: Any, _schema_editor: Any) -> None:
    """Write the base into runs that name none, and into schedules of tiny settings."""
    runs = apps.get_model("feedback", "TrainingRun").objects
    for run in runs.filter(kind="policy").only("config").iterator():
        if BASE not in run.config:
            named = {**run.config, BASE: TINY}
            text = json.dumps(named, sort_keys=True, ensure_ascii=False, allow_nan=False)
            digest = hashlib.sha256(text.encode()).hexdigest()
            runs.filter(pk=run.pk).update(config=named, config_digest=digest)
    tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects
    for task in tasks.filter(task=TASK):
        arguments = _arguments(task.kwargs)
        config: Any = arguments.get("config")
        if arguments.get("kind") != "policy" or not isinstance(config, dict) or BASE in config:
            continue
        if any(name.startswith(f"{TINY}.") for name in config):
            arguments["config"] = {**config, BASE: TINY}
            tasks.filter(pk=task.pk).update(kwargs=json.dumps(arguments))


def _arguments(text: str) -> dict[str, Any]:
    """Return a schedule's arguments; none where somebody wrote them by hand and broke them."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class Migration(migrations.Migration):
    dependencies = [
        ("feedback", "0022_flawed_answers"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(name_bases, migrations.RunPython.noop)]
