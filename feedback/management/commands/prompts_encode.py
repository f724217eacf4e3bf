"""`manage.py prompts_encode`: the vectors of all prompts, from the encoder that is served now."""

import time
from typing import Any

from feedback.management.json_command import JsonCommand
from feedback.routing.prompt_vectors.backfill import prompts_encode_anew


class Command(JsonCommand):
    """Print `{"encoder", "dimension", "encoded", "refused", "removed", "seconds"}`."""

    help = (
        "Encode every prompt with the encoder of the inference server, use that one from then on, "
        "and remove the vectors of any other."
    )

    def run(self, **_options: Any) -> dict[str, Any]:
        """Encode what has no vector of this encoder yet."""
        began = time.monotonic()
        done = prompts_encode_anew()
        return {
            "encoder": str(done.encoder),
            "dimension": done.encoder.dimension,
            "encoded": done.encoded,
            "refused": done.refused,
            "removed": done.removed,
            "seconds": round(time.monotonic() - began, 1),
        }
