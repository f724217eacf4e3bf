"""Reading a trained embedding and scoring models with it; numpy only, for the web process."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from trainers.artifacts import open_artifact
from trainers.embedding.posterior import Prior, sigmoid
from trainers.errors import InputError

TENSORS = "embedding.safetensors"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scorer:
    """Logits of every model on a question, with how uncertain they are.

    models      names of the M models, in the order of all arrays
    encoder     the encoder whose vectors it reads, of `dimension` d
    counts      observations behind each model, (M,)
    vectors     the models' embeddings p_m, (M, k)
    covariance  of each p_m, (M, k, k)
    prior       of a model that is not among them
    """

    models: tuple[str, ...]
    encoder: str
    counts: NDArray[np.int64]
    vectors: Floats
    covariance: Floats
    prior: Prior
    projection: Floats
    bias: Floats
    readout: Floats
    offset: float

    @classmethod
    def load(cls, path: Path) -> Self:
        """Open an embedding artifact after checking its digests."""
        artifact = open_artifact(path)
        if artifact.kind != "embedding":
            raise InputError.at(path, f"is a {artifact.kind} artifact, not an embedding")
        tensors = load_file(path / TENSORS)
        return cls.of(tensors, artifact.card["models"], artifact.card["encoder"]["name"])

    @classmethod
    def of(cls, tensors: dict[str, NDArray[Any]], models: Sequence[str], encoder: str) -> Self:
        """From the tensors of an artifact."""
        wide = {name: value.astype(np.float64) for name, value in tensors.items()}
        return cls(
            models=tuple(models),
            encoder=encoder,
            counts=tensors["counts"],
            vectors=wide["models"],
            covariance=wide["covariance"],
            prior=Prior(wide["prior_mean"], wide["prior_variance"]),
            projection=wide["W"],
            bias=wide["b"],
            readout=wide["C"],
            offset=float(tensors["c0"]),
        )

    @property
    def dimension(self) -> int:
        """The length d of a question vector."""
        return int(self.projection.shape[1])

    @cached_property
    def _number(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.models)}

    def features(self, questions: NDArray[Any]) -> Floats:
        """z = C * (W q + b), (n, k), of question vectors (n, d): logits are linear in them."""
        z: Floats = (questions @ self.projection.T + self.bias) * self.readout
        return z

    def scores(self, questions: NDArray[Any]) -> Floats:
        """Logits (n, M) of question vectors (n, d)."""
        logits: Floats = self.features(questions) @ self.vectors.T + self.offset
        return logits

    def probabilities(self, questions: NDArray[Any]) -> Floats:
        """sigma of the logits, (n, M): the expected score of each model."""
        return sigmoid(self.scores(questions))

    def believed(self, question: NDArray[Any], models: Sequence[str]) -> tuple[Floats, Floats]:
        """Posterior mean and standard deviation of the logits of `models` on one question (d,).

        A model that the embedding does not know is the prior: average, and widely uncertain.
        """
        z = self.features(question[None])[0]
        rows = np.array([self._number.get(model, len(self.models)) for model in models], int)
        means = np.append(self.vectors @ z, self.prior.mean @ z) + self.offset
        known = np.einsum("i,mij,j->m", z, self.covariance, z)
        variances = np.append(known, self.prior.variance @ z**2)
        return means[rows], np.sqrt(variances[rows])

    def sample(
        self,
        question: NDArray[Any],
        n_draws: int,
        rng: np.random.Generator,
        models: Sequence[str] | None = None,
    ) -> Floats:
        """Draws (n_draws, m) from the posterior of the logits on one question (d,).

        For one question a draw of z . p_m is a draw of a normal, so no vector is drawn.
        """
        means, deviations = self.believed(question, self.models if models is None else models)
        draws: Floats = means + deviations * rng.standard_normal((n_draws, len(means)))
        return draws
