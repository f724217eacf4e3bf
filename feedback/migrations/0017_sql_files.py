"""From here on the rules of the database stand in SQL files beside the models (decision 0014).

What these load is what migrations 0002 to 0014 left, so nothing changes.
"""

from django.db import migrations

from feedback.database.sql_files import LoadSql


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0016_judged_today")]

    operations = [
        LoadSql("people/sql/append_only.sql", "f64b96636cf2c339"),
        LoadSql("pool/sql/answered_versions.sql", "57c211196c5e0ba7"),
        LoadSql("pool/sql/preference_changes.sql", "94ae0e14f39f1d75"),
        LoadSql("pool/sql/text_style.sql", "68fe889c889b8e8a"),
        LoadSql("pool/sql/withheld_texts.sql", "da540c5682f737a5"),
        LoadSql("campaigns/sql/task_overlap.sql", "ed8751aa5f80b5a9"),
        LoadSql("ranking/sql/vote_counts.sql", "d93f19ddb7d38dc7"),
        LoadSql("ranking/sql/style_counts.sql", "06babf97c102b8cd"),
        LoadSql("training/sql/promotions.sql", "2faffd2084fa6850"),
        LoadSql("publication/sql/release_changes.sql", "9650655d65146ea7"),
    ]
