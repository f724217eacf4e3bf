"""A trained embedding, read from its artifact, scores models on questions; numpy only.

The web process imports this module, so nothing here may bring in torch (a test holds that).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from trainers.arrays import Bools, Floats, Ints
from trainers.artifacts import open_artifact
from trainers.errors import InputError
from trainers.model_vectors.families import family_of, prior_of_sibling
from trainers.model_vectors.features import FeatureMap
from trainers.model_vectors.posterior import Observations, Prior
from trainers.statistics.logistic import sigmoid

TENSORS = "embedding.safetensors"
LAYOUT = 2  # of the tensors and the card; 1 had a linear projection and no families
# The tensors in which models are believed something, widened to float64 for linear algebra.
BELIEF = ("models", "covariance", "prior_mean", "prior_covariance")


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """Gives logits s = z(q) . p_m + c0 of every model on a question, and how uncertain they are.

    models       names of the M models, in the order of all arrays
    encoder      the encoder whose vectors it reads, of `dimension` d
    counts       observations behind each model, [M]
    vectors      the models' embeddings p_m, [M, k]
    covariance   of each p_m, [M, k, k]
    prior        of a model that is not among them, nor a version of one
    families     the name of which each model is a version
    features     z(q) [n, k] of question vectors [n, d]: logits are linear in them
    offset       c0, the mean logit of all models on all questions
    fingerprint  of the encoder, where known: a name alone can mean two encoders, or two windows
    """

    models: tuple[str, ...]
    encoder: str
    counts: Ints
    vectors: Floats
    covariance: Floats
    prior: Prior
    families: tuple[str, ...]
    features: FeatureMap
    offset: float
    fingerprint: str = ""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Open an embedding artifact after checking its digests.

        Raises InputError for an artifact of another kind or of an older layout.
        """
        artifact = open_artifact(path)
        if artifact.kind != "embedding":
            raise InputError.at(path, f"is a {artifact.kind} artifact, not an embedding")
        if artifact.card.get("layout") != LAYOUT:
            raise InputError.at(path, "comes from an older version of the trainer; train it again")
        card, tensors = artifact.card, load_file(path / TENSORS)
        scorer = cls.of(tensors, card["models"], card["encoder"]["name"], card["families"])
        return replace(scorer, fingerprint=card["encoder"]["fingerprint"])

    @classmethod
    def of(
        cls,
        tensors: dict[str, NDArray[Any]],
        models: Sequence[str],
        encoder: str,
        families: Sequence[str] = (),
    ) -> Self:
        """Make a scorer from the tensors of an artifact, by their stored names."""
        wide = {name: tensors[name].astype(np.float64) for name in BELIEF}
        return cls(
            models=tuple(models),
            encoder=encoder,
            counts=tensors["counts"],
            vectors=wide["models"],
            covariance=wide["covariance"],
            prior=Prior(wide["prior_mean"], wide["prior_covariance"]),
            families=tuple(families or models),
            features=FeatureMap(**{f.name: tensors[f.name] for f in fields(FeatureMap)}),
            offset=float(tensors["c0"]),
        )

    @property
    def dimension(self) -> int:
        """Return the length d of a question vector."""
        return self.features.dimension

    def prior_of(self, model: str) -> Prior:
        """Return the prior of a model by name: from its siblings, where the embedding has any.

        A version that is itself among the models is predicted from its siblings alone.
        """
        family = family_of(model, self.families)
        # A sibling without observations stands at the prior itself and says nothing more.
        rows = [
            row
            for row, (name, of) in enumerate(zip(self.models, self.families, strict=True))
            if of == family and name != model and self.counts[row] > 0
        ]
        return prior_of_sibling(self.vectors[rows], self.covariance[rows], self.prior)

    def means(self, models: Sequence[str]) -> Floats:
        """Return the vectors of models by name, [m, k]; of an unknown one its prior's mean."""
        rows = [self._number.get(model) for model in models]
        known = [
            self.prior_of(model).mean if row is None else self.vectors[row]
            for row, model in zip(rows, models, strict=True)
        ]
        return np.array(known).reshape(len(known), self.vectors.shape[1])

    @cached_property
    def _number(self) -> dict[str, int]:
        """Return the row of each model by its name."""
        return {name: number for number, name in enumerate(self.models)}

    def scores(self, questions: NDArray[Any]) -> Floats:
        """Return logits [n, M] of question vectors [n, d]."""
        # [n, k] @ [k, M], in float64 though features are float32.
        logits: Floats = self.features(questions).astype(np.float64) @ self.vectors.T + self.offset
        return logits

    def probabilities(self, questions: NDArray[Any]) -> Floats:
        """Return the expected score of each model in [0, 1], [n, M]: sigma of the logits."""
        return sigmoid(self.scores(questions))

    def believed(self, question: NDArray[Any], models: Sequence[str]) -> tuple[Floats, Floats]:
        """Return posterior means and standard deviations [m] of logits on one question [d].

        A model that the embedding does not know has the prior's: average, and widely uncertain.
        """
        z = self.features(question[None])[0].astype(np.float64)
        # All M models at once, known or asked for: one product costs less than picking rows.
        means = self.vectors @ z
        variances = np.einsum("mk,k->m", self.covariance @ z, z)  # zᵀ Σ_m z, [M]
        rows = [self._number.get(model) for model in models]
        priors = {m: self.prior_of(m) for m, row in zip(models, rows, strict=True) if row is None}
        believed = [
            (priors[model].mean @ z, z @ priors[model].covariance @ z)
            if row is None
            else (means[row], variances[row])
            for row, model in zip(rows, models, strict=True)
        ]
        mean, variance = np.array(believed).reshape(-1, 2).T
        return mean + self.offset, np.sqrt(variance)

    def observed(self, models: Sequence[str]) -> Bools:
        """Return whether anything was observed of each model [m]."""
        rows = [self._number.get(model) for model in models]
        return np.array([row is not None and self.counts[row] > 0 for row in rows], bool)

    def outcome_observations(self, questions: NDArray[Any], scores: Floats) -> Observations:
        """Return a model's scores [n] on questions [n, d], as `fit_new_model` takes them."""
        z = self.features(questions).astype(np.float64)
        return Observations(
            features=z, known=np.full(len(z), self.offset), score=scores, weight=np.ones(len(z))
        )

    def comparison_observations(
        self,
        questions: NDArray[Any],
        opponents: Sequence[str],
        shares: Floats,
        weights: Floats,
    ) -> Observations:
        """Return a model's shares [n] of the preference against others on questions [n, d].

        opponents: their names, n of them; a tie is a share of one half. An opponent's vector is
        taken as known, so that the model's posterior stands alone. c0 cancels in a difference.
        """
        z = self.features(questions).astype(np.float64)
        # Its own logit is z . p less that of its opponent.
        against = -(z * self.means(opponents)).sum(1)
        return Observations(features=z, known=against, score=shares, weight=weights)

    def sample(
        self,
        question: NDArray[Any],
        n_draws: int,
        rng: np.random.Generator,
        models: Sequence[str] | None = None,
    ) -> Floats:
        """Return draws [n_draws, m] from the posterior of the logits on one question [d].

        For one question a draw of z . p_m is a draw of a normal, so no vector is drawn.
        """
        means, deviations = self.believed(question, self.models if models is None else models)
        draws: Floats = means + deviations * rng.standard_normal((n_draws, len(means)))
        return draws
