"""The versions of one model share strength: p_version ~ N(p_family, KINSHIP V); numpy only.

p_family ~ N(mean, V), where mean and V are those of all models.
"""

from collections.abc import Sequence

from trainers.arrays import Floats
from trainers.model_vectors.posterior import Prior

KINSHIP = 0.2  # how widely the versions of a model differ, as a share of how widely models differ


def prior_of_sibling(vectors: Floats, covariances: Floats, prior: Prior) -> Prior:
    """Return the prior of one more version, from its siblings' vectors [J, k] and covariances.

    Given siblings p_j, the family is N(mean + sum (p_j - mean) / (KINSHIP + J), KINSHIP V /
    (KINSHIP + J)), the conjugate normal posterior. covariances: [J, k, k]. Without siblings it is
    the prior of all models.
    """
    if not len(vectors):
        return prior
    share = 1.0 / (KINSHIP + len(vectors))
    mean = prior.mean + share * (vectors - prior.mean).sum(0)
    # Three uncertainties add up: of the family given exact siblings, of the siblings themselves
    # (each enters the mean with weight `share`), and how far a version lies from its family.
    family = KINSHIP * share * prior.covariance + share**2 * covariances.sum(0)
    return Prior(mean, family + KINSHIP * prior.covariance)


def family_of(label: str, families: Sequence[str]) -> str | None:
    """Return the family that a version's label names, or None.

    A model's first version is called as the model is, its later ones `name v2` and so on.
    """
    if label in families:
        return label
    name, marked, _ = label.rpartition(" v")
    return name if marked and name in families else None
