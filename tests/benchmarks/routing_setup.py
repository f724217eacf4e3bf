"""What a measurement of routing needs in its database; run as a process of its own.

    python -m tests.benchmarks.routing_setup FOLDER --models 100

Model versions, a promoted embedding of them all in FOLDER, of made-up numbers but of the size that
training gives it, and an API key. Prints JSON: the key.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import django
import numpy as np

if TYPE_CHECKING:
    from trainers.model_vectors.features import FeatureMap

NUMBERS = 48  # of a model's vector, as training has it by default
TOPICS = 14


def main() -> None:
    """Fill and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=int, default=100)
    arguments = parser.parse_args()
    django.setup()
    print(json.dumps({"key": fill(arguments.folder, arguments.models)}))


def fill(folder: Path, models: int) -> str:
    """The rows and the artifact; an API key that may route."""
    from feedback.people.services import apikey_create, contributor_create
    from tests.feedback.builders import make_version
    from tests.feedback.routing.artifacts import promote, write_embedding
    from trainers.encoding.encoder import Encoder

    rng = np.random.default_rng(0)
    encoder = Encoder(cached=False)
    labels = [make_version(f"Specialist {number}").label for number in range(models)]
    artifact = write_embedding(
        folder,
        models=labels,
        vectors=rng.normal(size=(models, NUMBERS)) / 4,
        projection=features(encoder.dimension, rng),
        fingerprint=encoder.fingerprint,
    )
    promote(artifact)
    return apikey_create(
        contributor=contributor_create(name="router"), name="bench", scopes=["models:use"]
    )


def features(dimension: int, rng: np.random.Generator) -> "FeatureMap":
    """A kernel against as many questions, and as many topics, as training has."""
    from trainers.model_vectors.features import CENTRES, FeatureMap

    centres = rng.normal(size=(CENTRES, dimension)) / np.sqrt(dimension)
    arrays = {
        "centres": centres,
        "mix": rng.normal(size=(CENTRES, NUMBERS)),
        "sort": rng.normal(size=(CENTRES, TOPICS)),
        "intercept": np.zeros(TOPICS),
        "topics": rng.normal(size=(TOPICS, NUMBERS)),
        "bias": np.zeros(NUMBERS),
    }
    return FeatureMap(**{name: np.asarray(array, np.float32) for name, array in arrays.items()})


if __name__ == "__main__":
    main()
