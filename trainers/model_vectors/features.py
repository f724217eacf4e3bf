"""From the encoder's vector of a question to the features that model vectors are linear in.

    z(q) = K(q) A + softmax(K(q) R + r) U + b,      K(q)_j = exp(-GAMMA |q - c_j|^2)

A Gaussian kernel against fixed questions c_j (Nystroem: Williams & Seeger, NIPS 2000) lets a model
be good in a region of the space; the softmax is a posterior over the topics of the training
prompts, learned by ridge regression, so that a model's mean on a topic carries to new prompts of
it. numpy only: the web process computes them too.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trainers.arrays import Floats32

GAMMA = 2.0  # of unit vectors at a right angle the kernel is e^-4
CENTRES = 1000
CHUNK = 2048  # questions at once: bounds the kernel's values held in memory
FADED = 1e-5  # directions of the centres' kernel below this share of the largest are rounding
RIDGE = 1.0  # of the topics' regression
SHARPNESS = 10.0  # of the softmax over its answers, which lie near 0 and 1
SCALE = 4.0  # of the inputs of training: an entry's step in AdamW then moves a logit in time


@dataclass(frozen=True, kw_only=True)
class FeatureMap:
    """Maps vectors [n, d] of questions to features z(q) [n, k].

    centres    c_j, [m, d]; none for EmbedLLM as published, where K(q) is q itself
    mix        A, [m, k]
    sort       R, [m, T]
    intercept  r, [T]
    topics     U, [T, k]
    bias       b, [k]
    """

    centres: Floats32
    mix: Floats32
    sort: Floats32
    intercept: Floats32
    topics: Floats32
    bias: Floats32

    @property
    def dimension(self) -> int:
        """Return the length d of a question vector."""
        return int(self.centres.shape[1])

    def __call__(self, questions: NDArray[Any], known: Floats32 | None = None) -> Floats32:
        """Return the features [n, k] of vectors [n, d].

        known: [n, T] shares of the topics that a prompt is known to have; a row of zeros where
        they are unknown, and then the learned classifier guesses them.
        """
        parts = [
            self._of(questions[rows], None if known is None else known[rows])
            for rows in _chunks(len(questions))
        ]
        return np.concatenate(parts) if parts else np.empty((0, len(self.bias)), np.float32)

    def _of(self, questions: NDArray[Any], known: Floats32 | None) -> Floats32:
        """Return the features of one chunk of vectors [n, d]."""
        near = kernel(questions, self.centres)  # K(q), [n, m]
        features: Floats32 = near @ self.mix + self.bias
        if len(self.topics):
            shares = _softmax(near @ self.sort + self.intercept)  # [n, T]
            if known is not None:
                # Known topics replace the guess, row by row.
                shares = np.where(known.any(1, keepdims=True), known, shares)
            features += shares @ self.topics
        return features

    def then(self, weight: NDArray[Any], bias: NDArray[Any]) -> "FeatureMap":
        """Return this map followed by a linear one: weight [j, k], bias [j]."""
        return replace(
            self,
            # A, U and b pass through the linear map; R and r only sort topics, and stay.
            mix=(self.mix @ weight.T).astype(np.float32),
            topics=(self.topics @ weight.T).astype(np.float32),
            bias=(weight @ self.bias + bias).astype(np.float32),
        )

    @classmethod
    def linear(cls, dimension: int) -> Self:
        """Return the identity on vectors of length `dimension`."""
        none = np.empty((0, dimension), np.float32)
        return cls(
            centres=none,
            mix=np.eye(dimension, dtype=np.float32),
            sort=np.empty((dimension, 0), np.float32),
            intercept=np.empty(0, np.float32),
            topics=none,
            bias=np.zeros(dimension, np.float32),
        )

    def tensors(self) -> dict[str, Floats32]:
        """Return the arrays by the names under which an artifact keeps them."""
        return {name: np.ascontiguousarray(value) for name, value in vars(self).items()}


def learn_features(vectors: Floats32, shares: Floats32, seed: int) -> FeatureMap:
    """Return the map to inputs of training, learned from vectors [n, d] and topic shares [n, T].

    The features are the kernel's (with the kernel as their inner product on the centres:
    Nyström) beside the topics, centred on the training prompts and scaled by SCALE.
    """
    rng = np.random.default_rng(seed)
    # Centres are a random subset in its own order: of more than CENTRES prompts the kernel matrix
    # of all would cost n^3 to factor.
    chosen = np.sort(rng.permutation(len(vectors))[:CENTRES])
    centres = vectors[chosen]
    root = _inverse_root(kernel(centres, centres))
    width, topics = root.shape[1], shares.shape[1]
    labelled = shares.any(1)  # [n]; prompts without a topic do not train the classifier
    plain = FeatureMap(
        centres=centres,
        mix=np.hstack([root, np.zeros((len(centres), topics), np.float32)]),
        sort=np.zeros((len(centres), 0), np.float32),
        intercept=np.zeros(0, np.float32),
        topics=np.zeros((0, width + topics), np.float32),
        bias=np.zeros(width + topics, np.float32),
    )
    if topics:
        # Regressed on φ = K(q) root; `root @ weight` below then reads K(q) itself.
        weight, intercept = _ridge(plain(vectors[labelled])[:, :width], shares[labelled])
        # A topic is a feature of its own, beside the kernel's.
        unit = np.hstack([np.zeros((topics, width), np.float32), np.eye(topics, dtype=np.float32)])
        plain = replace(
            plain,
            sort=(SHARPNESS * root @ weight).astype(np.float32),
            intercept=(SHARPNESS * intercept).astype(np.float32),
            topics=unit,
        )
    # Centred, so that a model's intercept is its mean logit and the prior on it means that.
    mean = plain(vectors, shares).mean(0)
    return plain.then(SCALE * np.eye(len(mean)), -SCALE * mean)


def kernel(questions: NDArray[Any], centres: Floats32) -> Floats32:
    """Return exp(-GAMMA |q - c|^2) [n, m] of vectors [n, d]; without centres the vectors."""
    questions = np.asarray(questions, np.float32)
    if not len(centres):
        return questions
    sizes = np.square(questions).sum(1)[:, None] + np.square(centres).sum(1)  # [n, m]
    # |q|^2 + |c|^2 - 2 q.c of equal vectors may come out below zero by rounding.
    distances = np.maximum(sizes - 2.0 * (questions @ centres.T), 0.0)
    return np.asarray(np.exp(-GAMMA * distances), np.float32)


def _inverse_root(matrix: Floats32) -> Floats32:
    """Return B [m, r] with B^T K B = I on the directions of K that are not rounding."""
    # In float64: near-equal centres make the kernel nearly singular, and an inverse root of what
    # is only rounding would blow it up to features of size one.
    values, axes = np.linalg.eigh(matrix.astype(np.float64))
    # Eigenvalues come in ascending order, so the last is the largest.
    kept = values > FADED * values[-1]
    return np.asarray(axes[:, kept] / np.sqrt(values[kept]), np.float32)


def _ridge(inputs: Floats32, targets: Floats32) -> tuple[Floats32, Floats32]:
    """Return weights [r, T] and intercepts [T] of a ridge regression of targets [n, T]."""
    means = inputs.mean(0), targets.mean(0)
    # Centred, so that the ridge does not shrink the intercepts.
    inputs = inputs - means[0]
    gram = (inputs.T @ inputs).astype(np.float64) + RIDGE * np.eye(inputs.shape[1])
    weight = np.linalg.solve(gram, inputs.T @ (targets - means[1])).astype(np.float32)
    return weight, np.asarray(means[1] - means[0] @ weight, np.float32)


def _softmax(logits: Floats32) -> Floats32:
    """Return the softmax of each row, [n, T]."""
    # Less the row's largest: no exponent is positive.
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True), np.float32)


def _chunks(count: int) -> list[slice]:
    """Return slices that cover `count` rows, CHUNK at a time."""
    return [slice(start, start + CHUNK) for start in range(0, count, CHUNK)]
