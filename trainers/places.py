"""Where the trainers keep what they can make again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return where caches live: $TRAINERS_CACHE, or a folder in the user's own cache."""
    named = os.environ.get("TRAINERS_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "feedback-commons"


def models_folder() -> Path:
    """Return where checkpoints are made: $TRAINERS_MODELS, $DATA_DIR/models, or in the cache."""
    if named := os.environ.get("TRAINERS_MODELS"):
        return Path(named)
    if site := os.environ.get("DATA_DIR"):
        return Path(site) / "models"
    return cache_folder() / "models"
