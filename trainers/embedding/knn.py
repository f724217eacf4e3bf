"""The baseline: what the nearest training questions say of each model (k-NN); numpy only."""

from dataclasses import dataclass

import numpy as np

from trainers.arrays import Floats, Floats32, Ints

CHOICES = (1, 5, 10, 20, 50, 100, 200)  # of k, tuned on validation
CHUNK = 128  # questions at once: bounds the neighbours' scores held in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Training questions [T, d], and the sum and number of every model's scores on them [T, M].

    A score that was not observed adds to neither: missing is missing, never wrong.
    """

    questions: Floats32
    total: Floats
    count: Floats

    @property
    def means(self) -> Floats:
        """Return the mean score of every model, [M], with one pseudo-count of the overall mean."""
        overall = self.total.sum() / max(1.0, self.count.sum())
        means: Floats = (self.total.sum(0) + overall) / (self.count.sum(0) + 1.0)
        return np.clip(means, 1e-6, 1.0 - 1e-6)  # its logit is taken: one of 0 or 1 is infinite


def observe(
    questions: Floats32,
    prompt: Ints,
    model: Ints,
    score: Floats,
    models: int,
) -> Observed:
    """Return rows (prompt number, model number, score) [n] as a table of prompts by models."""
    total, count = (np.zeros((len(questions), models)) for _ in range(2))
    # A model may meet several on one prompt: `total[…] += score` would keep one of them.
    np.add.at(total, (prompt, model), score)
    np.add.at(count, (prompt, model), 1.0)
    seen = count.sum(1) > 0
    return Observed(questions=questions[seen], total=total[seen], count=count[seen])


def knn_scores(observed: Observed, questions: Floats32) -> dict[int, Floats]:
    """Return by k the mean score of every model on the k nearest questions by cosine, [n, M].

    questions: [n, d] unit vectors. The model's overall mean counts as one more neighbour, which
    settles ties and absences. All k come from one search, for the largest.
    """
    most = min(max(CHOICES), len(observed.questions))
    choices = sorted({min(k, most) for k in CHOICES})
    scores = {k: np.empty((len(questions), observed.total.shape[1])) for k in choices}
    for start in range(0, len(questions), CHUNK):
        part = slice(start, start + CHUNK)
        likeness = questions[part] @ observed.questions.T  # [n, T], the cosine of unit vectors
        # Partition before sorting: only the neighbours need an order.
        near = np.argpartition(-likeness, most - 1, axis=1)[:, :most]
        order = np.argsort(-np.take_along_axis(likeness, near, 1), axis=1, kind="stable")
        near = np.take_along_axis(near, order, 1)
        # A running sum over neighbours, [n, most, M]: its k-th entry is the sum over the k nearest.
        total = observed.total[near].cumsum(1)
        count = observed.count[near].cumsum(1)
        for k in choices:
            scores[k][part] = (total[:, k - 1] + observed.means) / (count[:, k - 1] + 1.0)
    return scores
